# A bolt: emits every number, then breaks on each third one.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(
    process => sub {
        my ($fields) = @_;
        emit([$fields->{n}]);
        die "cannot take $fields->{n}\n" if $fields->{n} % 3 == 0;
    },
);
