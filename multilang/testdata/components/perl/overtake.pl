# A bolt: acks rows before the ones in front of them; rows that say "wait" do so until the next tick.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my @waiting;
bolt(
    process => sub {
        my ($fields, $row) = @_;
        return emit([$fields->{what}]) if $fields->{what} ne 'wait';
        hold($row);
        push @waiting, $row;
    },
    tick => sub {
        for my $row (splice @waiting) {
            emit_with(['wait'], anchors => [$row]);
            ack($row);
        }
    },
);
