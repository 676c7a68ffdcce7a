# A bolt: emits with every kind of anchor: its own row, none, the row before, both.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my $before;
bolt(
    process => sub {
        my ($fields, $row) = @_;
        my $n = $fields->{n};
        emit([$n, 'own']);
        emit_with([$n, 'none'], anchors => []);
        if ($before) {
            emit_with([$n, 'before'], anchors => [$before]);
            emit_with([$n, 'both'], anchors => [$before, $row]);
            ack($before);
        }
        hold($row);
        $before = $row;
    },
    stop => sub { ack($before) },
);
