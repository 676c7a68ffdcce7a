# A spout: so many numbers.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my ($n, $count) = (0);
spout(
    initialize => sub { $count = $_[0]{conf}{count} },
    next => sub { $n < $count ? emit([$n++]) : finish() },
);
