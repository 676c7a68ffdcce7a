# A bolt: emits what cannot be sent, of the kind that the row names, else [what, what].
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(
    process => sub {
        my $what = $_[0]{what};
        return emit([1]) if $what eq 'short';
        return emit([1, 2], 'nowhere') if $what eq 'stream';
        emit([$what, $what eq 'code' ? sub { } : $what]);
    },
);
