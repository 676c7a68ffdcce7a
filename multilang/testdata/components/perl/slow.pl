# A bolt: takes as many milliseconds over a row as the row says.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(
    process => sub {
        my ($fields) = @_;
        select undef, undef, undef, $fields->{ms} / 1000;
        emit([$fields->{ms}]);
    },
);
