# A bolt: sends each text to the task that the row names.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PolyboltMore;

bolt(process => sub { my ($fields) = @_; emit_with([$fields->{text}], direct => $fields->{task}) });
