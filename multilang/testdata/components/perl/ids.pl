# A bolt: asks where each row went, and tells.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(
    process => sub {
        my ($fields) = @_;
        my $tasks = emit_with([$fields->{text}], ids => 1);
        emit([$fields->{text}, $tasks], 'told');
    },
);
