# A bolt: emits what the welcome told it, beside each row.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

my @told;
bolt(
    initialize => sub { my ($welcome) = @_; @told = @$welcome{qw(topology component task index tasks conf)} },
    process => sub { my ($fields) = @_; emit([$fields->{x}, @told]) },
);
