# A spout: a row, then a pause, then another row.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my ($ms, $calls);
spout(
    initialize => sub { $ms = $_[0]{conf}{ms} },
    next => sub {
        return emit(['first']) if !$calls++;
        select undef, undef, undef, $ms / 1000;
        emit(['second']);
        finish();
    },
);
