# A bolt: emits as many texts, of as many bytes, as a row says.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(process => sub { my ($fields) = @_; emit(['x' x $fields->{size}]) for 1 .. $fields->{count} });
