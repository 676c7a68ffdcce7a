# A bolt: logs at every level, counts, and breaks in ticks.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(
    process => sub {
        my ($fields) = @_;
        note($_, "said $fields->{text}") for 0 .. 4;
        metric('hits', 'counter', 2);
        metric('depth', 'gauge', length $fields->{text});
        metric('size', 'histogram', [1.5]);
    },
    tick => sub { die "ticks are too much\n" },
);
