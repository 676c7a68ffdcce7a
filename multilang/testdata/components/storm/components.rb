# The reference components that can be written on Storm's storm.rb. POLYBOLT_COMPONENT says which one this is.
require "./storm"

# Ours acks what its block has worked on, as BasicBolt does in other languages.
class Ours < Storm::Bolt
  def initialize(&work)
    @work = work
    @kept = []
    @rows = 0
    @waiting = {}
  end

  def process(tup)
    ack(tup) unless instance_exec(tup, &@work) == :kept
  end
end

class Context < Storm::Bolt
  def prepare(conf, ctx)
    @told = [conf["topology.name"], conf["path"], ctx["componentid"], ctx["taskid"], ctx["task->component"],
             ctx["stream->outputfields"]["default"][0], ctx["source->stream->fields"]["source"]["default"]]
  end

  def process(tup)
    emit(tup.values + @told, :anchor => tup)
    ack(tup)
  end
end

class Sequence < Storm::Spout
  def open(conf, ctx)
    @n = 0
    @count = conf.fetch("count", 7)
  end

  def nextTuple
    return if @n >= @count
    emit([@n])
    @n += 1
  end
end

class WithIds < Storm::Spout
  IDS = [1, "one", 2.5, false, 0]

  def open(conf, ctx)
    @n = 0
  end

  def nextTuple
    emit([@n], :id => IDS[@n]) if @n < IDS.size
    emit([@n]) if @n == IDS.size
    @n += 1
  end

  def ack(id)
    emit(["ack", id], :stream => "told")
  end

  def fail(id)
    emit(["fail", id], :stream => "told")
  end
end

class Hooks < Storm::Spout
  def activate
    emit(["activate"])
  end

  def deactivate
    emit(["deactivate"])
  end
end

def tick?(tup)
  tup.stream == "__tick"
end

COMPONENTS = {
  "echo" => Ours.new { |tup| emit(tup.values, :anchor => tup) },
  "split" => Ours.new { |tup| tup.values[0].split(" ").each { |word| emit([word], :anchor => tup) } unless tick?(tup) },
  "count" => Ours.new { |tup| },
  "fail-third" => Ours.new do |tup|
    emit(tup.values, :anchor => tup)
    if tup.values[0] % 3 == 0
      reportError("cannot take #{tup.values[0]}")
      fail(tup)
      :kept
    end
  end,
  "hold" => Ours.new do |tup|
    if tick?(tup)
      @kept.each do |held|
        n = held.values[0]
        if n.odd?
          reportError("#{n} is odd")
          fail(held)
        else
          emit([n], :anchor => held)
          ack(held)
        end
      end
      @kept = []
    elsif tup.values[0] != 0
      @kept << tup
      :kept
    end
  end,
  "anchors" => Ours.new do |tup|
    if tick?(tup)
      ack(@before)
      next
    end
    n = tup.values[0]
    emit([n, "own"], :anchor => tup)
    emit([n, "none"])
    if @before
      emit([n, "before"], :anchor => @before)
      emit([n, "both"], :anchors => [@before, tup])
      ack(@before)
    end
    @before = tup
    :kept
  end,
  "join" => Ours.new do |tup|
    key = tup.values[0]
    other = @waiting.delete(key)
    if other.nil?
      @waiting[key] = tup
      next :kept
    end
    left, right = tup.component == "left" ? [tup, other] : [other, tup]
    emit([key, left.values[1], right.values[1]], :anchors => [left, right])
    ack(other)
  end,
  "overtake" => Ours.new do |tup|
    if tick?(tup)
      @kept.each do |held|
        emit(held.values, :anchor => held)
        ack(held)
      end
    elsif tup.values[0] == "wait"
      @kept << tup
      :kept
    else
      emit(tup.values, :anchor => tup)
    end
  end,
  "tick" => Ours.new do |tup|
    if tick?(tup)
      emit([@rows])
      @rows = 0
    else
      @rows += 1
    end
  end,
  "direct" => Ours.new { |tup| emit([tup.values[1]], :anchor => tup, :direct_task => tup.values[0]) },
  "origin" => Ours.new { |tup| emit([tup.component, tup.stream, tup.task, tup.values[0]], :anchor => tup) },
  "context" => Context.new,
  "slow" => Ours.new do |tup|
    sleep(tup.values[0] / 1000.0)
    emit(tup.values, :anchor => tup)
  end,
  "report" => Ours.new { |tup| 5.times { |level| log("said #{tup.values[0]}", level) } },
  "chatter" => Ours.new do |tup|
    puts "printed for row #{tup.values[0]}"
    emit(tup.values, :anchor => tup)
  end,
  "sequence" => Sequence.new,
  "with-ids" => WithIds.new,
  "hooks" => Hooks.new,
}

COMPONENTS[ENV["POLYBOLT_COMPONENT"]].run
