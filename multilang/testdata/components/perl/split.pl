# A bolt: a line in, its words out. The example for users is examples-python/third-language/split.pl.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(process => sub { my ($fields) = @_; emit([$_]) for split ' ', $fields->{line} });
