# What the third-language example leaves out of its 120 lines, for the reference components: anchors, held rows,
# direct tasks, task ids, logs, metrics, and spouts. It goes on where Polybolt.pm ends, and knows its insides.
package PolyboltMore;
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../../../examples-python/third-language";
use Exporter 'import';
use JSON::PP ();
use Polybolt;
our @EXPORT = qw(bolt spout emit emit_with hold ack fail note metric finish from);

no warnings 'redefine';
my ($reply, $receive) = (\&Polybolt::reply, \&Polybolt::receive);

# ---- messages

# Messages that came while the tasks of a row were waited for; their turn comes when the row is done.
my @later;
*Polybolt::receive = sub { return @later ? @{ shift @later } : $receive->() };

# Returns whether a message comes within so many seconds.
sub comes {
    my ($seconds) = @_;
    my $unread = $Polybolt::unread;
    return 1 if @later || length $unread >= 4 && length $unread >= 4 + unpack 'N', $unread;
    vec(my $ready = '', fileno $Polybolt::in, 1) = 1;
    return select $ready, undef, undef, $seconds;
}

# Reads u32s: a msgpack bin, that is, of which Polybolt.pm keeps the head.
sub numbers { my ($bin) = @_; return unpack 'V*', substr $$bin, 1 + 2**(ord($$bin) - 0xc4) }

# ---- rows

my ($request, @acked, @late);

# Emits with options: stream; anchors (rows, instead of the one in progress), direct (a task), ids (returns the tasks);
# of a spout, id.
sub emit_with {
    my ($values, %o) = @_;
    Polybolt::reply(0) if $o{ids} && @Polybolt::groups;
    emit($values, $o{stream} // 'default');
    my $group = $Polybolt::groups[-1];
    want($group, $o{id}) if defined $o{id};
    my %options;
    if ($o{anchors}) {
        my @refs = map { @$_{qw(seq row)} } @{ $o{anchors} };
        @$group[2, 3] = @refs ? (3, Polybolt::u32s(@refs[0, 1])) : (0, undef);
        $options{multi} = [[0, Polybolt::u32s(@refs)]] if @refs > 2;
    }
    $options{direct} = Polybolt::u32s($o{direct}) if $o{direct};
    $options{ids} = ++$request if $o{ids};
    push @$group, \%options if %options;
    return if !$o{ids};
    Polybolt::reply(0);
    while (my @message = $receive->()) {
        return [numbers($message[2])] if $message[0] == 9 && $message[1] == $request;
        push @later, \@message;
    }
}

# hold keeps a row beyond its process; ack and fail end one, sooner or later.
sub hold { my ($row) = @_; $row->{held} = 1 }
sub ack { my ($row) = @_; current($row) ? $row->{held} = 0 : push @acked, @$row{qw(seq row)} }

sub fail {
    my ($row, $why) = @_;
    my $error = { kind => 'fail', type => '', message => $why, traceback => '', place => '' };
    current($row) ? $row->{error} = $error : push @late, [@$row{qw(seq row)}, $error];
}
sub current { return $Polybolt::row && $_[0] == $Polybolt::row }

# Returns component, stream and task that a row came from.
my @tasks;
sub from { my ($row) = @_; return @{ $Polybolt::welcome->{inputs}[$row->{input}] }[0, 1], $tasks[$row->{row}] }
my $data = $Polybolt::on{3};
$Polybolt::on{3} = sub {
    my ($seq, $input, $task, $n, $rows, $runs) = @_;
    my @runs = $runs ? numbers($runs) : ($task, $n);
    @tasks = map { ($runs[2 * $_]) x $runs[2 * $_ + 1] } 0 .. $#runs / 2;
    $data->(@_);
};

*Polybolt::reply = sub {
    my ($covered, %side) = @_;
    return rows(0) if $Polybolt::kind eq 'spout';
    if ($covered) {
        my $row = $Polybolt::row;
        $side{failed} //= [[$row->{row}, $row->{error}]] if $row->{error};
        $side{held} = Polybolt::u32s($row->{row}) if $row->{held} && !$side{failed};
    }
    $side{acked} = Polybolt::u32s(splice @acked) if @acked;
    $side{late} = [splice @late] if @late;
    $reply->($covered, %side);
};
$Polybolt::on{8} = sub { Polybolt::unasked('tick'); Polybolt::reply(0) if @acked || @late };
$Polybolt::on{10} = sub { Polybolt::unasked('stop'); Polybolt::reply(0) if @acked || @late; exit };

# ---- words besides rows

my $log_level;
$Polybolt::on{11} = sub { ($log_level) = @_ };
sub note { my ($level, $text) = @_; Polybolt::answer(6, $level, $text) if $level >= ($log_level // $Polybolt::welcome->{log_level}) }
sub metric { my ($name, $kind, $value) = @_; Polybolt::answer(8, [[$name, $kind, $value]]) }

# ---- spouts

my ($seq, $sent, $active, $finished, @nexts, %ids) = (0, 0, 1, 0);

sub want { my ($group, $id) = @_; @$group[2, 3] = (1, undef); $ids{ $sent + $#Polybolt::groups } = $id }
sub emitted { return $sent + @Polybolt::groups }

sub rows {    # sends what was emitted, a group a row
    my ($final) = @_;
    my ($first, @groups) = ($sent, splice @Polybolt::groups);
    $sent += @groups;
    Polybolt::answer(4, $seq, $final ? JSON::PP::true : JSON::PP::false, $first, \@groups) if @groups || $final;
}
sub finish { rows(0); Polybolt::answer(9) if !$finished++ }

sub spout {
    my %hook = @_;
    my %call = map { $_ => [$hook{$_} // sub { }] } qw(ack fail dead);
    $Polybolt::kind = 'spout';
    my $start = $Polybolt::on{2};
    my $ready = \&Polybolt::answer;
    *Polybolt::answer = sub { $_[0] == 2 ? $ready->(2, { replays => $hook{fail} ? JSON::PP::true : JSON::PP::false }) : $ready->(@_) };
    $Polybolt::on{4} = sub {
        push @nexts, [@_];
        return if $seq;    # the one who answers looks for more
        while (my $next = shift @nexts) { request(@$next) }
    };
    $Polybolt::on{5} = sub {
        my %numbers;
        @numbers{qw(ack fail dead)} = @_;
        for my $name (qw(ack fail dead)) {
            Polybolt::unasked($name, delete $ids{$_}) for numbers($numbers{$name});
        }
    };
    $Polybolt::on{6} = sub { $active = 1; Polybolt::unasked('activate') };
    $Polybolt::on{7} = sub { $active = 0; Polybolt::unasked('deactivate') };
    $Polybolt::on{10} = sub {
        for (grep { $_ } $seq, map { $_->[0] } @nexts) { $seq = $_; rows(1) }
        $seq = 0;
        Polybolt::unasked('stop');
        exit;
    };
    delete @Polybolt::on{ 3, 8 };
    bolt(%hook);
}

# Answers a request for rows. Each goes out at once: what comes next may take long.
sub request {
    ($seq, my $wanted) = @_;
    my ($end, $pause) = (emitted() + $wanted, 0.001);
    while ($active && !$finished && emitted() < $end) {
        my $before = emitted();
        my $error = Polybolt::call('next');
        rows(0);
        Polybolt::answer(7, $error) if $error;
        if (emitted() > $before) { $pause = 0.001; next }
        if (comes($pause)) { Polybolt::act(Polybolt::receive()) }
        $pause = $pause < 0.025 ? 2 * $pause : 0.05;
    }
    rows(1);
    $seq = 0;
}

1;
