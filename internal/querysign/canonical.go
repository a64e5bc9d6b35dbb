package querysign

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

// writeQuery writes all parameters but the signature to w.query and their order to w.params.
func (s *Signer) writeQuery(w *work, key *dayKey, r *Request) {
	w.query, w.params = w.query[:0], w.params[:0]
	s.own(w, "-Algorithm=")
	w.close(key.algorithm)
	s.own(w, "-Credential=")
	w.close(key.credential)
	s.own(w, "-Date=")
	date := len(w.query)
	w.query = appendTime(w.query, r.Time)
	w.date = append(w.date[:0], w.query[date:]...)
	w.close("")
	s.own(w, "-Expires=")
	w.query = strconv.AppendInt(w.query, int64((r.Expires+time.Second-1)/time.Second), 10)
	w.close("")
	if key.token != "" {
		s.own(w, "-Security-Token=")
		w.close(key.token)
	}
	s.own(w, "-SignedHeaders=")
	w.query = w.appendNames(w.query, r.Header, "%3B")
	w.close("")
	for _, pair := range r.Query {
		start := len(w.query)
		w.query = appendEscaped(w.query, pair.Name, false)
		w.params = append(w.params, parameter{start: start, equals: len(w.query)})
		w.query = appendEscaped(append(w.query, '='), pair.Value, false)
		w.close("")
	}
	slices.SortFunc(w.params, func(a, b parameter) int {
		if order := bytes.Compare(w.query[a.start:a.equals], w.query[b.start:b.equals]); order != 0 {
			return order
		}
		return bytes.Compare(w.query[a.equals:a.end], w.query[b.equals:b.end])
	})
}

// own begins a parameter of the signature.
func (s *Signer) own(w *work, name string) {
	start := len(w.query)
	w.query = append(append(w.query, s.scheme.Parameter...), name...)
	w.params = append(w.params, parameter{start: start, equals: len(w.query) - 1})
}

// close ends the parameter that was begun last.
func (w *work) close(value string) {
	w.query = append(w.query, value...)
	w.params[len(w.params)-1].end = len(w.query)
}

func (w *work) appendQuery(to []byte) []byte {
	for i, p := range w.params {
		if i > 0 {
			to = append(to, '&')
		}
		to = append(to, w.query[p.start:p.end]...)
	}
	return to
}

// sortHeader writes the order of the fields, with the field Host as -1, to w.header.
func (w *work) sortHeader(header []Pair) {
	w.header = append(w.header[:0], hostField)
	for i := range header {
		w.header = append(w.header, i)
	}
	slices.SortFunc(w.header, func(a, b int) int { return compareFold(nameOf(header, a), nameOf(header, b)) })
}

// hostField is the place of the field Host in the order of fields.
const hostField = -1

func nameOf(header []Pair, i int) string {
	if i == hostField {
		return "host"
	}
	return header[i].Name
}

func (w *work) appendNames(to []byte, header []Pair, separator string) []byte {
	if len(header) == 0 {
		return append(to, "host"...)
	}
	for n, i := range w.header {
		if n > 0 {
			to = append(to, separator...)
		}
		to = appendLower(to, nameOf(header, i))
	}
	return to
}

func (w *work) appendHeader(to []byte, host string, header []Pair) []byte {
	if len(header) == 0 {
		return append(append(append(to, "host:"...), host...), '\n')
	}
	for _, i := range w.header {
		value := host
		if i != hostField {
			value = header[i].Value
		}
		to = append(appendLower(to, nameOf(header, i)), ':')
		to = append(appendTrimmed(to, value), '\n')
	}
	return to
}
