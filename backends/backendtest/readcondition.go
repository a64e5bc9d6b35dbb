package backendtest

import (
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

func readConditionCases() []contractCase {
	return []contractCase{
		{
			name: "condition/get", groups: []int{24}, needs: dossier.GetMatch, run: conditionalGet,
			sentence: "GetMatch: Match delivers this version or is ErrPrecondition, NotMatch another or is ErrNotModified.",
		},
		{
			name: "condition/get without meaning", groups: []int{24, 26}, run: senselessGet,
			sentence: "A range or condition of a read that has no meaning is ErrInvalid.",
		},
		{
			name: "condition/copy", groups: []int{22}, needs: dossier.CopyIfAbsent, extensions: []extension{copier}, run: conditionalCopy,
			sentence: "A conditional Copy or Move that is refused changes neither source nor destination.",
		},
	}
}

func conditionalGet(t *trial) {
	first := t.put("a", "first")
	second := t.put("a", "second")
	for _, row := range []struct {
		key  string
		cond dossier.Condition
		want error
	}{
		{"a", match(second.Version), nil},
		{"a", match(first.Version), dossier.ErrPrecondition},
		{"a", match("*"), dossier.ErrPrecondition},
		{"a", dossier.Condition{NotMatch: first.Version}, nil},
		{"a", dossier.Condition{NotMatch: second.Version}, dossier.ErrNotModified},
		{"a", dossier.Condition{NotMatch: "*"}, nil},
		{"missing", dossier.Condition{NotMatch: first.Version}, dossier.ErrNotExist},
	} {
		for _, r := range []dossier.Range{{}, {Offset: 1, Length: 2}} {
			object, err := t.backend.Get(t.ctx, row.key, dossier.GetOptions{If: row.cond, Range: r})
			if !errors.Is(err, row.want) {
				t.Errorf("%s %+v: %v, want %v", row.key, row.cond, err, row.want)
			}
			if err != nil {
				continue
			}
			from, to, _ := r.Resolve(6)
			if content, err := readAll(object); err != nil || string(content) != "second"[from:to] || object.Version != second.Version {
				t.Errorf("%+v: %q of version %s, %v", row.cond, content, object.Version, err)
			}
		}
	}
	_, err := t.backend.Get(t.ctx, "missing", dossier.GetOptions{If: match(first.Version)})
	if !errors.Is(err, dossier.ErrNotExist) && !errors.Is(err, dossier.ErrPrecondition) {
		t.Errorf("a version of a missing key: %v", err)
	}
}

func senselessGet(t *trial) {
	t.put("a", "content")
	for _, opts := range []dossier.GetOptions{
		{If: ifAbsent}, {If: dossier.Condition{Match: "v", NotMatch: "v"}}, {Range: dossier.Range{Offset: -1, Length: 1}},
		{Range: dossier.Range{Offset: -hugeOffset - 1}},
	} {
		for _, key := range []string{"a", "missing"} {
			_, err := t.backend.Get(t.ctx, key, opts)
			t.wants(fmt.Sprintf("%+v", opts), err, dossier.ErrInvalid)
		}
	}
	for _, cond := range []dossier.Condition{ifAbsent, {NotMatch: "v"}} {
		t.wants("delete", t.backend.Delete(t.ctx, "a", dossier.DeleteOptions{If: cond}), dossier.ErrInvalid)
	}
	t.holds("a", "content")
}

func conditionalCopy(t *trial) {
	source := t.putWith("source", "source content", t.options())
	stale := t.put("target", "stale")
	target := t.put("target", "target content")
	for name, transfer := range transfers() {
		for what, row := range map[string]struct {
			opts dossier.CopyOptions
			want error
		}{
			"create only":    {dossier.CopyOptions{If: ifAbsent}, dossier.ErrExist},
			"stale target":   {dossier.CopyOptions{If: match(stale.Version)}, dossier.ErrPrecondition},
			"stale source":   {dossier.CopyOptions{SourceIf: match(stale.Version)}, dossier.ErrPrecondition},
			"senseless":      {dossier.CopyOptions{SourceIf: ifAbsent}, dossier.ErrInvalid},
			"two conditions": {dossier.CopyOptions{If: dossier.Condition{IfAbsent: true, Match: "v"}}, dossier.ErrInvalid},
			"bad header":     {dossier.CopyOptions{Replace: &dossier.Replacement{Metadata: map[string]string{"A": ""}}}, dossier.ErrInvalid},
		} {
			_, err := transfer(t.ctx, t.backend, "target", "source", row.opts)
			t.wants(name+", "+what, err, row.want)
			t.unchanged(source, "source content")
			t.unchanged(target, "target content")
		}
		_, err := transfer(t.ctx, t.backend, "missing", "source", dossier.CopyOptions{If: match(stale.Version)})
		t.wants(name+" to a missing target", err, dossier.ErrPrecondition)
		t.absent("missing")
	}
	opts := dossier.CopyOptions{If: match(target.Version), SourceIf: match(source.Version)}
	if _, err := dossier.Copy(t.ctx, t.backend, "target", "source", opts); err != nil {
		t.Errorf("both conditions hold: %v", err)
	}
	t.holds("target", "source content")
	opts = dossier.CopyOptions{If: ifAbsent, SourceIf: match(source.Version)}
	if _, err := dossier.Move(t.ctx, t.backend, "moved", "source", opts); err != nil {
		t.Errorf("both conditions hold for a move: %v", err)
	}
	t.holds("moved", "source content")
	t.absent("source")
}
