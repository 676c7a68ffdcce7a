# A bolt: keeps its rows until a tick, which emits and acks the even ones and fails the odd; 0 is acked at once.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my @kept;
bolt(
    process => sub {
        my ($fields, $row) = @_;
        return ack($row) if $fields->{n} == 0;
        hold($row);
        push @kept, [$fields->{n}, $row];
    },
    tick => sub {
        for (splice @kept) {
            my ($n, $row) = @$_;
            if ($n % 2) {
                fail($row, "$n is odd");
            }
            else {
                emit_with([$n], anchors => [$row]);
                ack($row);
            }
        }
    },
);
