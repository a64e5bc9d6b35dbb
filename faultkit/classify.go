package faultkit

import "strings"

// pointOf names the points of a statement: "sql." with its kind and, where it has one, its table in lower case without
// schema.
func pointOf(query string) string {
	words := &words{rest: query}
	kind := words.next()
	if kind == "with" {
		kind = words.skipTo("insert", "update", "delete", "select")
	}
	name := "sql." + kind
	switch kind {
	case "insert", "replace":
		words.skipTo("into")
		name = "sql.insert " + words.name()
	case "update":
		name += " " + words.updated()
	case "delete":
		words.skipTo("from")
		name += " " + words.name()
	case "select":
		if words.skipTo("from") != "" {
			name += " " + words.name()
		}
	case "create", "drop", "alter":
		name += " " + words.defined()
	case "pragma":
		name += " " + words.name()
	case "start":
		name = "sql.begin"
	case "end":
		name = "sql.commit"
	case "rollback":
		if words.skipTo("to") != "" {
			name = "sql.rollback to"
		}
	}
	return strings.TrimSuffix(name, " ")
}

// words reads the words of a statement at the top level: what stands in parentheses, literals and comments is passed
// over. It is a sketch of SQL, good enough to name a statement.
type words struct{ rest string }

// next returns the next word in lower case, without quotes, or one character of punctuation; "" at the end.
func (w *words) next() string {
	for {
		w.rest = strings.TrimLeft(w.rest, " \t\r\n;")
		switch {
		case w.rest == "":
			return ""
		case strings.HasPrefix(w.rest, "--"):
			w.cut("\n", 2)
		case strings.HasPrefix(w.rest, "/*"):
			w.cut("*/", 2)
		case w.rest[0] == '\'':
			w.cut("'", 1)
		case w.rest[0] == '(':
			w.parentheses()
		case strings.IndexByte("\"`", w.rest[0]) >= 0:
			return w.cut(w.rest[:1], 1)
		case w.rest[0] == '[':
			return w.cut("]", 1)
		default:
			return w.word()
		}
	}
}

// cut takes what stands between skip characters and end.
func (w *words) cut(end string, skip int) string {
	inside, rest, _ := strings.Cut(w.rest[skip:], end)
	w.rest = rest
	return strings.ToLower(inside)
}

func (w *words) word() string {
	n := 0
	for n < len(w.rest) && wordByte(w.rest[n]) {
		n++
	}
	word := w.rest[:max(n, 1)]
	w.rest = w.rest[len(word):]
	return strings.ToLower(word)
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// parentheses passes over a pair with all that is in it.
func (w *words) parentheses() {
	w.rest = w.rest[1:]
	for w.rest != "" {
		w.rest = strings.TrimLeft(w.rest, " \t\r\n;")
		if strings.HasPrefix(w.rest, ")") {
			w.rest = w.rest[1:]
			return
		}
		w.next()
	}
}

// skipTo passes over words up to one of those wanted, which it returns; "" when there is none.
func (w *words) skipTo(wanted ...string) string {
	for word := w.next(); word != ""; word = w.next() {
		for _, one := range wanted {
			if word == one {
				return word
			}
		}
	}
	return ""
}

// name reads a table's name and leaves its schema out.
func (w *words) name() string {
	name := w.next()
	for strings.HasPrefix(w.rest, ".") {
		w.rest = w.rest[1:]
		name = w.next()
	}
	return name
}

// updated reads the table of an UPDATE, after words such as OR IGNORE and ONLY.
func (w *words) updated() string {
	name := w.name()
	for {
		switch name {
		case "or":
			w.next()
		case "only", "low_priority", "ignore":
		default:
			return name
		}
		name = w.name()
	}
}

// defined reads what CREATE, DROP and ALTER are about: "table documents".
func (w *words) defined() string {
	what := w.next()
	for what == "unique" || what == "temp" || what == "temporary" || what == "or" || what == "replace" {
		what = w.next()
	}
	name := w.name()
	for name == "if" || name == "not" || name == "exists" {
		name = w.name()
	}
	return what + " " + name
}
