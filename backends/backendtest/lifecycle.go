package backendtest

import (
	"errors"
	"io"
	"slices"

	"github.com/dossier-go/dossier"
)

func lifecycleCases() []contractCase {
	return []contractCase{
		{
			name: "life/closed", groups: []int{79}, extensions: []extension{closer}, run: useAfterClose,
			sentence: "After Close every method returns ErrClosed; closing again is success.",
		},
		{
			name: "life/closed while used", groups: []int{79, 80}, extensions: []extension{closer}, run: closeWhileUsed,
			sentence: "Close while others use the backend lets each operation finish or end in ErrClosed.",
		},
		{
			name: "life/opened again", groups: []int{13, 79}, hooks: []hook{reopen}, run: openedAgain,
			sentence: "A second backend over the same objects sees the same store.",
		},
	}
}

func (t *trial) close() {
	t.Helper()
	t.closed = true
	if err := t.backend.(io.Closer).Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func useAfterClose(t *trial) {
	t.put("a", "content")
	var upload dossier.Upload
	if uploader.in(t.backend) && t.can(dossier.Multipart) {
		upload = t.create("b", dossier.PutOptions{})
		t.abort(upload)
	}
	for range 3 {
		t.close()
	}
	for _, calls := range []map[string]func() error{t.calls("a"), t.extraCalls("a")} {
		for name, call := range calls {
			t.wants(name+" after Close", call(), dossier.ErrClosed)
		}
	}
	if lister.in(t.backend) {
		t.wants("list after Close", firstError(dossier.List(t.ctx, t.backend, dossier.ListOptions{})), dossier.ErrClosed)
	}
	if m := t.parts(); m != nil && t.can(dossier.Multipart) {
		t.wants("uploads after Close", firstError(m.Uploads(t.ctx, "")), dossier.ErrClosed)
	}
	t.wants("batch after Close", firstError(dossier.DeleteBatch(t.ctx, t.backend, slices.Values([]string{"a"}))), dossier.ErrClosed)
	if t.backend.Describe().Scheme == "" {
		t.Error("Describe is empty after Close")
	}
}

func closeWhileUsed(t *trial) {
	content := pattern("open", 4*t.harness.unit())
	t.put("a", content)
	object, err := t.backend.Get(t.ctx, "a", dossier.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{}, 8)
	together(9, func(i int) {
		if i == 8 {
			for range 8 {
				<-ready
			}
			t.close()
			return
		}
		for round := 0; ; round++ {
			err := t.anything((i+round)%8, "k0", "k1", letters(i))
			if round == 0 {
				ready <- struct{}{}
			}
			if errors.Is(err, dossier.ErrClosed) {
				return
			}
			if !harmless(err) {
				t.Errorf("%v", err)
				return
			}
		}
	})
	rest, err := readAll(object)
	if err == nil && string(rest) != content {
		t.Error("an object that was open delivers other bytes")
	}
	var typed *dossier.Error
	if err != nil && !errors.As(err, &typed) {
		t.Errorf("%v is no *dossier.Error", err)
	}
}

func openedAgain(t *trial) {
	info := t.putWith("a/b", "content", t.options())
	second := t.reopened()
	if one, two := t.backend.Describe(), second.backend.Describe(); one != two {
		t.Errorf("%+v became %+v", one, two)
	}
	second.unchanged(info, "content")
	fresh := second.put("a/b", "new content")
	t.unchanged(fresh, "new content")
	if err := second.backend.Delete(t.ctx, "a/b", dossier.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	t.absent("a/b")
}
