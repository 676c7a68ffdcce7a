# A bolt: refuses negative numbers, in so many words.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(
    process => sub {
        my ($fields, $row) = @_;
        $fields->{n} < 0 ? fail($row, "$fields->{n} is negative") : emit([$fields->{n}]);
    },
);
