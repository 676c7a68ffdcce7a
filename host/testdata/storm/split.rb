require "./storm"

class Split < Storm::Bolt
  def prepare(conf, context)
    @seen = {}
  end

  def process(tup)
    sentence = tup.values[0]
    if sentence.end_with?("7") && !@seen[sentence]
      @seen[sentence] = true
      fail(tup)
    else
      sentence.split(" ").each { |word| emit([word], :anchor => tup) }
      ack(tup)
    end
  end
end

Split.new.run
