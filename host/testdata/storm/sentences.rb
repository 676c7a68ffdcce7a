require "./storm"

# Numeric ids from 0.
class Sentences < Storm::Spout
  def open(conf, context)
    @next, @acked, @failed = 0, 0, 0
    emit(["early bird"])
  end

  def nextTuple
    if @next < 300
      emit(["a b\u00e9 #{@next}"], :id => @next)
      @next += 1
    end
  end

  def ack(id)
    @acked += 1
    log("all acked, #{@failed} failed") if @acked == 300
  end

  def fail(id)
    @failed += 1
    emit(["a b\u00e9 #{id}"], :id => id)
  end
end

Sentences.new.run
