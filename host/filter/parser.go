package filter

import "slices"

// parser turns tokens into nodes.
type parser struct {
	lexer
	token token // the next one
	into  *Condition
}

func (p *parser) next() (err error) {
	p.token, err = p.take()
	return err
}

// errorf returns an error at the next token.
func (p *parser) errorf(format string, args ...any) error {
	return p.errorAt(p.token.at, format, args...)
}

// accept reads a symbol, if it comes next.
func (p *parser) accept(text string) (bool, error) {
	if p.token.kind != symbol || p.token.text != text {
		return false, nil
	}
	return true, p.next()
}

func (p *parser) condition(depth int) (node, error) {
	part := func() (node, error) { return p.joined("and", func() (node, error) { return p.term(depth) }) }
	return p.joined("or", part)
}

// joined reads one part, or several with a word between them.
func (p *parser) joined(word string, part func() (node, error)) (node, error) {
	var parts []node
	for {
		n, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
		more, err := p.accept(word)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return join{all: word == "and", parts: parts}, nil
}

func (p *parser) term(depth int) (node, error) {
	if depth > maxDepth {
		return nil, p.errorf("the condition is nested deeper than %d", maxDepth)
	}
	if is, err := p.accept("not"); err != nil || is {
		if err != nil {
			return nil, err
		}
		of, err := p.term(depth + 1)
		return negation{of}, err
	}
	left, err := p.operand(depth)
	if err != nil || p.token.kind != symbol || !slices.Contains(comparisons, p.token.text) {
		return left, err
	}
	c := comparison{left: left, op: p.token.text}
	if err := p.next(); err != nil {
		return nil, err
	}
	if c.right, err = p.operand(depth); err == nil && p.token.kind == symbol && slices.Contains(comparisons, p.token.text) {
		err = p.errorf("comparisons do not go in a row: join two by and")
	}
	return c, err
}

func (p *parser) operand(depth int) (node, error) {
	switch t := p.token; t.kind {
	case value:
		return literal{t.value}, p.next()
	case name:
		f := field{number: p.into.field(t.text)}
		if err := p.next(); err != nil {
			return nil, err
		}
		return p.path(f)
	case end:
		return nil, p.errorf("a field or a value is missing at the end")
	}
	inside, err := p.accept("(")
	if err != nil {
		return nil, err
	}
	if !inside {
		return nil, p.errorf("%s comes where a field or a value is due", p.token)
	}
	n, err := p.condition(depth + 1)
	if err != nil {
		return nil, err
	}
	closed, err := p.accept(")")
	if err == nil && !closed {
		err = p.errorf("%s comes where ) is due", p.token)
	}
	return n, err
}

// path reads the keys that follow a field.
func (p *parser) path(f field) (node, error) {
	for {
		more, err := p.accept(".")
		if err != nil || !more {
			return f, err
		}
		key := p.token
		if word, is := key.value.(string); key.kind == value && is {
			key.text = word
		} else if key.kind != name {
			return nil, p.errorf("%s comes where a key is due", p.token)
		}
		f.keys = append(f.keys, key.text)
		if err := p.next(); err != nil {
			return nil, err
		}
	}
}
