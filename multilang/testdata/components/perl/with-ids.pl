# A spout: rows with ids of several types and one without; then it tells what becomes of them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

use JSON::PP ();

my @ids = (1, 'one', 2.5, JSON::PP::false, 0);
my $n = 0;
spout(
    next => sub {
        return if $n > @ids;
        $n < @ids ? emit_with([$n], id => $ids[$n]) : emit([$n]);
        $n++;
    },
    map { my $name = $_; $name => sub { my ($id) = @_; emit([$name, $id], 'told') } } qw(ack fail dead),
);
