# A bolt: counts words and tells the counts at the end.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my %counts;
bolt(
    process => sub { $counts{ $_[0]{word} }++ },
    stop => sub { emit([$_, $counts{$_}]) for sort keys %counts },
);
