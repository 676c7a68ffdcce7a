# A bolt: every row, unchanged.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(process => sub { my ($fields) = @_; emit([$fields->{x} // $fields->{n}]) });
