package backendtest

import (
	"iter"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
)

func keyCases() []contractCase {
	return []contractCase{
		{
			name: "key/accepted", groups: []int{26, 28, 29, 31, 32, 33, 34}, run: keysAccepted,
			sentence: "Every valid key is a key of its own, and comes back byte for byte.",
		},
		{
			name: "key/copied", groups: []int{26, 34}, run: keysCopied,
			sentence: "Every valid key can be source and destination of a copy and a move.",
		},
		{
			name: "key/refused", groups: []int{26, 27, 31}, run: keysRefused,
			sentence: "Every other key is ErrInvalidKey in every method, before any side effect.",
		},
		{
			name: "key/refused prefixes", groups: []int{27}, extensions: []extension{lister}, run: prefixesRefused,
			sentence: "A prefix that no key can have is ErrInvalidKey.",
		},
	}
}

func keysAccepted(t *trial) {
	keys := t.goodKeys()
	infos := map[string]dossier.Info{}
	for _, key := range keys {
		infos[key] = t.put(key, "content of "+key)
	}
	for _, key := range keys {
		if info := infos[key]; info.Key != key {
			t.Errorf("put %q returned the key %q", key, info.Key)
		}
		t.unchanged(infos[key], "content of "+key)
	}
	if lister.in(t.backend) {
		slices.Sort(keys)
		if got := t.keys(); !slices.Equal(got, keys) {
			t.Errorf("listed %q, want %q", got, keys)
		}
	}
	for _, key := range keys {
		if err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
		t.absent(key)
	}
}

func keysCopied(t *trial) {
	for _, key := range t.goodKeys() {
		t.put("source/x", "content of "+key)
		if _, err := dossier.Copy(t.ctx, t.backend, key, "source/x", dossier.CopyOptions{}); err != nil {
			t.Errorf("copy to %q: %v", key, err)
			continue
		}
		t.holds(key, "content of "+key)
		if _, err := dossier.Move(t.ctx, t.backend, "target/x", key, dossier.CopyOptions{}); err != nil {
			t.Errorf("move from %q: %v", key, err)
		}
		t.absent(key)
		t.holds("target/x", "content of "+key)
	}
}

// calls are all operations on one key, by name.
func (t *trial) calls(key string) map[string]func() error {
	ctx, b := t.ctx, t.backend
	return map[string]func() error{
		"put": func() error {
			_, err := b.Put(ctx, key, dossier.BytesSource([]byte("content")), dossier.PutOptions{})
			return err
		},
		"get": func() error {
			object, err := b.Get(ctx, key, dossier.GetOptions{})
			if err == nil {
				object.Close()
			}
			return err
		},
		"stat":      func() error { _, err := b.Stat(ctx, key); return err },
		"delete":    func() error { return b.Delete(ctx, key, dossier.DeleteOptions{}) },
		"batch":     func() error { return firstError(dossier.DeleteBatch(ctx, b, slices.Values([]string{key}))) },
		"copy to":   func() error { _, err := dossier.Copy(ctx, b, key, "a", dossier.CopyOptions{}); return err },
		"copy from": func() error { _, err := dossier.Copy(ctx, b, "a", key, dossier.CopyOptions{}); return err },
		"move to":   func() error { _, err := dossier.Move(ctx, b, key, "a", dossier.CopyOptions{}); return err },
		"move from": func() error { _, err := dossier.Move(ctx, b, "a", key, dossier.CopyOptions{}); return err },
	}
}

// extraCalls are the operations of those extensions that the backend has.
func (t *trial) extraCalls(key string) map[string]func() error {
	ctx, b, calls := t.ctx, t.backend, map[string]func() error{}
	if s, ok := dossier.As[dossier.URLSigner](b); ok && t.can(dossier.SignGet) {
		calls["sign"] = func() error {
			_, err := s.SignURLs(ctx, []dossier.SignRequest{{Method: "GET", Key: key, TTL: time.Minute}})
			return err
		}
	}
	if s, ok := dossier.As[dossier.FormSigner](b); ok && t.can(dossier.SignPost) {
		calls["form"] = func() error {
			_, err := s.SignForm(ctx, dossier.FormRequest{Key: key, TTL: time.Minute})
			return err
		}
	}
	if u, ok := dossier.As[dossier.HeaderUpdater](b); ok && t.can(dossier.StoresHeader) {
		calls["update"] = func() error {
			_, err := u.UpdateHeader(ctx, key, dossier.Replacement{}, dossier.Condition{})
			return err
		}
	}
	if m, ok := dossier.As[dossier.MultipartBackend](b); ok && t.can(dossier.Multipart) {
		upload := dossier.Upload{Key: key, ID: "1"}
		calls["create"] = func() error { _, err := m.CreateUpload(ctx, key, dossier.PutOptions{}); return err }
		calls["part"] = func() error {
			_, err := m.PutPart(ctx, upload, 1, dossier.BytesSource([]byte("content")))
			return err
		}
		calls["parts"] = func() error { return firstError(m.Parts(ctx, upload)) }
		calls["complete"] = func() error { _, err := m.CompleteUpload(ctx, upload, nil); return err }
		calls["abort"] = func() error { return m.AbortUpload(ctx, upload) }
	}
	return calls
}

func keysRefused(t *trial) {
	before := t.put("a", "content")
	for _, key := range badKeys() {
		for _, calls := range []map[string]func() error{t.calls(key), t.extraCalls(key)} {
			for name, call := range calls {
				t.wants(name+" of "+brief(key), call(), dossier.ErrInvalidKey)
			}
		}
	}
	t.unchanged(before, "content")
	if lister.in(t.backend) {
		if keys := t.keys(); !slices.Equal(keys, []string{"a"}) {
			t.Errorf("the store has %q", keys)
		}
	}
}

func prefixesRefused(t *trial) {
	t.put("a", "content")
	for _, prefix := range []string{
		"/", "a//", "../", "a/../", "./", `a\`, "\x00", "a\xff", "\u202E", ".dossier/", ".dossier/tmp/", spelled(1025),
	} {
		var lists = map[string]iter.Seq2[dossier.Info, error]{
			"list":        dossier.List(t.ctx, t.backend, dossier.ListOptions{Prefix: prefix}),
			"folded list": dossier.List(t.ctx, t.backend, dossier.ListOptions{Prefix: prefix, Delimiter: "/"}),
		}
		for name, list := range lists {
			found, err := collect(list)
			t.wants(name+" of "+brief(prefix), err, dossier.ErrInvalidKey)
			if len(found) > 0 {
				t.Errorf("%s of %q yields %v", name, prefix, found)
			}
		}
		if m, ok := dossier.As[dossier.MultipartBackend](t.backend); ok {
			t.wants("uploads of "+brief(prefix), firstError(m.Uploads(t.ctx, prefix)), dossier.ErrInvalidKey)
		}
	}
}
