package Polybolt;    # bolts in Perl: level rows of multilang/PROTOCOL.md, with what every Perl brings along
use strict;
use warnings;
use B ();
use Exporter 'import';
use IO::Handle;
use JSON::PP ();
our @EXPORT = qw(bolt emit);

# msgpack. By its first byte a value is of a type, and has a length, or a template that reads it.
# Bytes become Polybolt::Bytes; times, and maps with odd keys, stay as they came, as Polybolt::Raw.
my %TYPE = (0xc0 => ['nil'], 0xc2 => ['false'], 0xc3 => ['true']);
for (
    [0x80, 'map', 0 .. 15], [0x90, 'array', 0 .. 15],   [0xa0, 'str', 0 .. 31],   [0xc4, 'bin', qw(C n N)],
    [0xc7, 'ext', qw(C n N)], [0xca, 'number', qw(f> d> C n N Q> c s> l> q>)], [0xd4, 'ext', 1, 2, 4, 8, 16],
    [0xd9, 'str', qw(C n N)], [0xdc, 'array',  qw(n N)], [0xde, 'map', qw(n N)],
) {
    my ($byte, $type, @sizes) = @$_;
    $TYPE{ $byte++ } = [$type, $_] for @sizes;
}
my ($message, $at);    # what is being decoded, and how far it is

sub take {
    my ($n) = @_;
    die "a message is cut short\n" if $n > length($message) - $at;
    return substr $message, ($at += $n) - $n, $n;
}

sub decode {
    my $start = $at;
    my $byte  = ord take(1);
    return $byte < 0x80 ? $byte : $byte - 256 if $byte < 0x80 || $byte >= 0xe0;
    my ($type, $n) = @{ $TYPE{$byte} or die "byte $byte starts no value\n" };
    $n = unpack $n, take(length pack $n, 0) if defined $n && $n =~ /\D/;
    return $n if $type eq 'number';
    return $type eq 'nil' ? undef : $type eq 'true' ? JSON::PP::true : JSON::PP::false if !defined $n;
    return [map { decode() } 1 .. $n] if $type eq 'array';
    my ($data, @pairs) = $type eq 'map' ? (undef, map { decode() } 1 .. 2 * $n) : take($n + ($type eq 'ext'));
    return bless \$data, 'Polybolt::Bytes' if $type eq 'bin' || $type eq 'str' && !utf8::decode($data);
    return $data    if $type eq 'str';
    return {@pairs} if $type eq 'map' && !grep { !is_text($pairs[2 * $_]) } 0 .. $n - 1;
    return bless \substr($message, $start, $at - $start), 'Polybolt::Raw';
}

sub is_text { return defined $_[0] && !ref $_[0] && B::svref_2object(\$_[0])->FLAGS & B::SVf_POK }
sub u32s    { return bless \pack('V*', @_), 'Polybolt::Bytes' }

sub encode {
    my ($v) = @_;
    my $type = ref $v;
    return defined $v ? $$v : "\xc0" if !defined $v || $type eq 'Polybolt::Raw';
    return pack 'C N/a', 0xc6, $$v   if $type eq 'Polybolt::Bytes';
    return $v ? "\xc3" : "\xc2"      if $type eq 'JSON::PP::Boolean';
    return join '', pack('C N', 0xdd, scalar @$v), map { encode($_) } @$v if $type eq 'ARRAY';
    return join '', pack('C N', 0xdf, scalar keys %$v), map { encode("$_"), encode($v->{$_}) } keys %$v if $type eq 'HASH';
    die "a value of type $type cannot be sent\n" if $type;
    if (is_text($v)) { utf8::encode($v); return pack 'C N/a', 0xdb, $v }
    return pack 'C d>', 0xcb, $v if !(B::svref_2object(\$v)->FLAGS & B::SVf_IOK);
    return $v < 2**63 ? pack 'C q>', 0xd3, $v : die "the int $v is beyond 64 bits\n";
}

# Frames. STDIN and STDOUT are left to user code: what it prints there is log text.
open my $in,  '<&', \*STDIN  or die $!;
open my $out, '>&', \*STDOUT or die $!;
open STDIN,  '<',  '/dev/null' or die $!;
open STDOUT, '>&', \*STDERR    or die $!;
$_->autoflush for $out, \*STDOUT;
my $unread = '';

sub receive {
    until (length $unread >= 4 && length $unread >= 4 + unpack 'N', $unread) {
        sysread $in, $unread, 1 << 18, length $unread or exit;
    }
    ($message, $at) = (unpack('N/a', $unread), 0);
    substr $unread, 0, 4 + length $message, '';
    return decode();
}
sub answer { print {$out} pack 'N/a', encode([@_]) or exit 1 }

# The bolt. A row is answered when it is done, with the groups that it has emitted, each of one row.
our (%hook, $welcome, %stream, $row, @groups, $size);

sub emit {
    my ($values, $stream) = @_;
    my ($index, $fields) = @{ $stream{ $stream //= 'default' } or die "there is no output stream $stream, but: @{[keys %stream]}\n" };
    die "stream $stream has the fields @$fields, not @{[scalar @$values]} values\n" if @$values != @$fields;
    my $body = eval { encode($values) } // die "stream $stream, fields @$fields: $@";
    die "stream $stream: a row of @{[length $body]} bytes\n" if length $body > $welcome->{max_message_bytes};
    reply(0) if ($size += length $body) > 1 << 18;
    push @groups, [$index, 1, $row ? (3, u32s(@$row{qw(seq row)})) : (0, undef), [bless \$body, 'Polybolt::Raw']];
}

sub reply {
    my ($covered, @side) = @_;
    answer(3, $row ? @$row{qw(seq row)} : (0, 0), $covered, [splice @groups], @side ? {@side} : ());
    $size = 0;
}
1;
