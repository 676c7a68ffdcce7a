# A bolt: joins two streams by key; what it emits comes from both rows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my %waiting;
bolt(
    process => sub {
        my ($fields, $row) = @_;
        my $key = $fields->{key};
        hold($row);
        my $here = [$fields, $row];
        my $other = delete $waiting{$key} or return $waiting{$key} = $here;
        my ($left, $right) = (from($row))[0] eq 'left' ? ($here, $other) : ($other, $here);
        emit_with([$key, $left->[0]{a}, $right->[0]{b}], anchors => [$left->[1], $right->[1]]);
        ack($_) for $left->[1], $right->[1];
    },
);
