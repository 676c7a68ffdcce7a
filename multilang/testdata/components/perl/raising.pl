# A spout: breaks twice before it emits its only row.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my $calls = 0;
spout(
    next => sub {
        die "call $calls came too early\n" if ++$calls < 3;
        emit(['now']);
        finish();
    },
);
