package telemetry

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promql reads the part of PromQL that deploy/ is written in (Prometheus documentation, "Querying basics"). What goes beyond it
// has to be added here first. Prometheus' own parser would bring more modules than Roster has.
type promql struct {
	words  []string
	labels []string // that selectors and groupings name
}

var promqlWord = regexp.MustCompile(`^(?:\s+|[a-zA-Z_:][\w:]*|\d+(?:\.\d+)?|"[^"\\]*"|\[(?:\d+[smhd]|\$__rate_interval)\]|==|!=|=~|!~|[-+*/<>=(){},])`)

// takes are the functions by the kinds of their arguments: v an instant vector or a number, r a range.
var takes = map[string]string{"rate": "r", "increase": "r", "histogram_quantile": "vv", "time": ""}

var aggregations = []string{"sum", "max", "min", "avg", "count"}

// parsePromQL returns the labels that an expression names; it has to be an instant vector or a number.
func parsePromQL(text string) (labels []string, err error) {
	p := &promql{}
	for text != "" {
		word := promqlWord.FindString(text)
		if word == "" {
			return nil, fmt.Errorf("nothing begins with %.20q", text)
		}
		if text = text[len(word):]; strings.TrimSpace(word) != "" {
			p.words = append(p.words, word)
		}
	}
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("%v, before %q", thrown, p.words)
		}
	}()
	p.want(p.expression(), 'v')
	if len(p.words) > 0 {
		panic("an end is expected")
	}
	return p.labels, nil
}

func (p *promql) want(got, kind byte) {
	if got != kind {
		panic(fmt.Sprintf("a %c is expected, not a %c", kind, got))
	}
}

// take takes the next word where it is one of these, or any where there are none; else it is empty.
func (p *promql) take(of ...string) string {
	if len(p.words) == 0 || len(of) > 0 && !slices.Contains(of, p.words[0]) {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

func (p *promql) must(word string) {
	if p.take(word) == "" {
		panic(word + " is expected")
	}
}

func (p *promql) expression() byte {
	kind := p.operand()
	for p.take("+", "-", "*", "/", "<", ">", "==", "!=") != "" {
		p.want(kind, 'v')
		kind = p.operand()
	}
	return kind
}

func (p *promql) operand() byte {
	word := p.take()
	switch arguments, isFunction := takes[word]; {
	case word == "":
		panic("something is expected")
	case word == "(":
		kind := p.expression()
		p.must(")")
		return kind
	case word[0] >= '0' && word[0] <= '9':
		return 'v'
	case slices.Contains(aggregations, word):
		if p.take("by", "without") != "" {
			p.grouping()
		}
		arguments = "v"
		fallthrough
	case isFunction:
		p.must("(")
		for n := range len(arguments) {
			if n > 0 {
				p.must(",")
			}
			p.want(p.expression(), arguments[n])
		}
		p.must(")")
		return 'v'
	}
	return p.selector(word)
}

func (p *promql) grouping() {
	p.must("(")
	for {
		p.labels = append(p.labels, p.take())
		if p.take(",") == "" {
			break
		}
	}
	p.must(")")
}

func (p *promql) selector(name string) byte {
	if !regexp.MustCompile(`^[a-z_]+$`).MatchString(name) {
		panic(name + " is no metric")
	}
	if p.take("{") != "" {
		for {
			p.labels = append(p.labels, p.take())
			operator, value := p.take("=", "!=", "=~", "!~"), p.take()
			if operator == "" || !strings.HasPrefix(value, `"`) {
				panic("a label is compared with a text")
			}
			if _, err := regexp.Compile(value[1 : len(value)-1]); err != nil && strings.Contains(operator, "~") && !strings.Contains(value, "$") {
				panic(err)
			}
			if p.take(",") == "" {
				break
			}
		}
		p.must("}")
	}
	if len(p.words) > 0 && p.words[0][0] == '[' {
		p.take()
		return 'r'
	}
	return 'v'
}

// TestPromQLIsRead: what the reader takes, and what it refuses.
func TestPromQLIsRead(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"up": true, `up{job="a",x!~"b|c"} == 0`: true, "sum by (le, x) (rate(a[5m])) / 2 > time()": true, "histogram_quantile(0.5, sum(rate(a[$__rate_interval])))": true,
		"(a + b) * 14": true,
		"":             false, "up{": false, "up{job=a}": false, `up{job~"a"}`: false, "rate(a)": false, "sum(a[5m])": false, "a[5m]": false, "a[5]": false,
		"sum by le (a)": false, "a b": false, "a >": false, "median(a)": false, "rate(a[5m], 1)": false, `up{job=~"("}`: false, "(a": false, "a)": false, "histogram_quantile(0.5)": false,
	} {
		if _, err := parsePromQL(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
