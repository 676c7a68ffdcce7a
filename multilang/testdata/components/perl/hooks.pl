# A spout that has nothing to emit but which hook was called.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

spout(
    next       => sub { },
    activate   => sub { emit(['activate']) },
    deactivate => sub { emit(['deactivate']) },
    stop       => sub { emit(['stop']) },
);
