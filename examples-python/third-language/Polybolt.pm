package Polybolt;    # Bolts in Perl: level rows of multilang/PROTOCOL.md, with what every Perl brings along.
use strict; use warnings; use B (); use JSON::PP (); use Exporter 'import';
our @EXPORT = qw(bolt emit);

# msgpack: by its first byte a value is of a type, and has a length (or its own value), or a template that
# reads that. What Perl has no type for (bytes, times, maps with odd keys) stays as it came, a Polybolt::Raw.
my %TYPE = (0xc0 => ['scalar'], 0xc2 => ['scalar', JSON::PP::false], 0xc3 => ['scalar', JSON::PP::true]);
for ([0x80, 'map', 0 .. 15], [0x90, 'array', 0 .. 15], [0xa0, 'str', 0 .. 31], [0xc4, 'bin', qw(C n N)],
    [0xc7, 'ext', qw(C n N)], [0xca, 'scalar', qw(f> d> C n N Q> c s> l> q>)], [0xd4, 'ext', 1, 2, 4, 8, 16],
    [0xd9, 'str', qw(C n N)], [0xdc, 'array', qw(n N)], [0xde, 'map', qw(n N)]) {
    my ($byte, $type, @sizes) = @$_;
    $TYPE{ $byte++ } = [$type, $_] for @sizes;
}
our $unread = ''; my ($message, $at);    # what has come; the message that is being decoded, and how far it is
sub take {
    $_[0] <= length($message) - $at or die "a message is cut short\n";
    return substr $message, ($at += $_[0]) - $_[0], $_[0];
}

sub decode {
    my $start = $at; my $byte = ord take(1);
    return $byte < 0x80 ? $byte : $byte - 256 if $byte < 0x80 || $byte >= 0xe0;
    my ($type, $n) = @{ $TYPE{$byte} or die "byte $byte starts no value\n" };
    $n = unpack $n, take(length pack $n, 0) if defined $n && $n =~ /\D/;
    return $n if $type eq 'scalar';
    $n <= length($message) - $at or die "a message is cut short\n";    # before anything is made for $n elements
    return [map { decode() } 1 .. $n] if $type eq 'array';
    my ($data, @pairs) = $type eq 'map' ? ('', map { decode() } 1 .. 2 * $n) : take($n + ($type eq 'ext'));
    return {@pairs} if $type eq 'map' && !grep { !is_text($pairs[2 * $_]) } 0 .. $n - 1;
    return $data if $type eq 'str' && utf8::decode($data);
    return raw(substr $message, $start, $at - $start);
}

sub encode {
    my ($v) = @_;
    my $type = ref $v;
    return defined $v ? $$v : "\xc0" if !defined $v || $type eq 'Polybolt::Raw';
    return $v ? "\xc3" : "\xc2" if $type eq 'JSON::PP::Boolean';
    return join '', pack('C N', 0xdd, scalar @$v), map { encode($_) } @$v if $type eq 'ARRAY';
    return join '', pack('C N', 0xdf, scalar keys %$v), map { encode("$_"), encode($v->{$_}) } keys %$v if $type eq 'HASH';
    die "a value of type $type cannot be sent\n" if $type;
    if (is_text($v)) { utf8::encode($v); return pack 'C N/a', 0xdb, $v }
    return pack 'C d>', 0xcb, $v if !(B::svref_2object(\$v)->FLAGS & B::SVf_IOK);
    return $v <= ~0 >> 1 ? pack 'C q>', 0xd3, $v : die "the int $v is beyond 64 bits\n";
}
sub raw     { my ($bytes) = @_; return bless \$bytes, 'Polybolt::Raw' }
sub u32s    { return raw(pack 'C N/a', 0xc6, pack 'V*', @_) }
sub is_text { return defined $_[0] && !ref $_[0] && B::svref_2object(\$_[0])->FLAGS & B::SVf_POK }

# Frames. STDIN and STDOUT are left to user code: what it prints there is log text.
open our $in, '<&', \*STDIN and open our $out, '>&', \*STDOUT or die "the pipes to the host: $!";
open STDIN, '<', '/dev/null' and open STDOUT, '>&', \*STDERR or die "STDIN and STDOUT: $!";
binmode $_ and $_->autoflush for $in, $out, \*STDOUT;
sub receive {
    until (length $unread >= 4 && length $unread >= 4 + unpack 'N', $unread) {
        sysread $in, $unread, 1 << 18, length $unread or exit;
    }
    ($message, $at) = (unpack('N/a', $unread), 0);
    substr $unread, 0, 4 + length $message, '';
    return @{ decode() };
}
sub answer { print {$out} pack 'N/a', encode([@_]) or exit 1 }

# The bolt: each row is answered when it is done, with what it has emitted, a group of one for each.
our ($kind, $welcome, %stream, %hook, $row, @groups, $size) = ('bolt');
sub emit {
    my ($values, $stream) = (@_, 'default');
    my ($index, $fields) = @{ $stream{$stream} or die "there is no output stream $stream, but: @{[keys %stream]}\n" };
    die "stream $stream has the fields @$fields, not @{[scalar @$values]} values\n" if @$values != @$fields;
    my $body = eval { raw(encode($values)) } or die "stream $stream with fields @$fields: $@";
    my $max = $welcome->{max_message_bytes};
    die "stream $stream: a row of @{[length $$body]} bytes, max_message_bytes is $max\n" if length $$body > $max;
    reply(0) if @groups && $size + length $$body > 65_536;    # so much a frame may hold beyond a row
    $size += 64 + length $$body;
    push @groups, [$index, 1, $row ? (3, u32s(@$row{qw(seq row)})) : (0, undef), [$body]];
}
sub reply {
    my ($covered, %side) = @_;
    answer(3, $row ? @$row{qw(seq row)} : (0, 0), $covered, [splice @groups], %side ? \%side : ());
    $size = 0;
}
sub call {    # a hook of the user's; returns the error if it dies
    my ($name, @args) = @_;
    return if !$hook{$name} || eval { $hook{$name}->(@args); 1 };
    return { kind => 'exception', type => 'die', message => "$welcome->{component}: $@", traceback => '', place => '' };
}
sub unasked { my $error = call(@_); reply(0) if @groups; answer(7, $error) if $error }
our %on = (    # messages by type
    1 => sub { ($welcome) = @_; my $i = 0; %stream = map { $_->[0] => [$i++, $_->[1]] } @{ $welcome->{outputs} } },
    2 => sub { my $error = call('initialize', $welcome); $error ? die $error->{message} : answer(2, {}) },
    3 => sub {
        my ($seq, $input, $task, $n, $rows) = @_;
        for my $i (0 .. $n - 1) {
            $row = { seq => $seq, row => $i, input => $input };
            my %fields; @fields{ @{ $welcome->{inputs}[$input][2] } } = @{ $rows->[$i] };
            my $error = call('process', \%fields, $row);
            reply(1, $error ? (failed => [[$i, $error]]) : ());
        }
        undef $row;
    },
    8 => sub { unasked('tick') }, 10 => sub { unasked('stop'); exit }, 11 => sub { },    # 11: nothing is logged here
);
sub act {
    my ($type, @rest) = @_;
    ($on{$type} // ($type < 64 ? die "a message of unknown type $type\n" : return))->(@rest);
}

sub bolt {
    %hook = @_;
    print {$out} "\xf5PBOLT1\n";
    answer(1, { version => 1, level => 'rows', kind => $kind, sdk => 'perl 1', runtime => "perl $]", pid => $$ + 0, features => [] });
    act(receive()) while 1;
}
1;
