# A bolt: emits where each row came from, and the row's first value.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(
    process => sub {
        my ($fields, $row) = @_;
        emit([from($row), values %$fields]);
    },
);
