# A bolt that prints wherever user code can.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

print "printed while loading\n";
bolt(
    initialize => sub {
        print "printed in initialize\n";
        print STDERR 'e' x (1 << 20), "\n";
    },
    process => sub {
        my ($fields) = @_;
        print "printed for row $fields->{n} line $_\n" for 0 .. 99;
        system 'echo printed by another program';
        emit([$fields->{n}]);
    },
    tick => sub { print 'printed in a tick, without an end' },
);
