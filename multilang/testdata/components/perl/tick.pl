# A bolt: tells at each tick how many rows there were since the last.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my $rows = 0;
bolt(
    process => sub { $rows++ },
    tick => sub { emit([$rows]); $rows = 0 },
);
