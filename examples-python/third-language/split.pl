# A bolt: a line in, its words out.
use lib '.';    # the bundle, where the host starts us
use Polybolt;

bolt(process => sub { my ($fields) = @_; emit([$_]) for split ' ', $fields->{line} });
