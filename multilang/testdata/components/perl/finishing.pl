# A spout: so many numbers, each with an id; it finishes after the last, and replays what fails.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my ($n, $count) = (0);
spout(
    initialize => sub { $count = $_[0]{conf}{count} },
    next => sub {
        emit_with([$n], id => $n);
        finish() if ++$n == $count;
    },
    fail => sub { my ($id) = @_; emit_with([$id], id => $id) },
);
