package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
)

// writing is an operation that changes one object, and needs at least one request.
type writing struct {
	name  string
	needs dossier.Capabilities
	in    extension // that it needs; the zero value is none
	fresh bool      // the object must not be there before; else it has content oldContent
	after string    // content when it was done; "" when the object is gone
	large bool      // it sends much, so only few faults are tried
	do    func(t *trial, ctx context.Context, key string) error
}

const (
	oldContent  = "old content"
	copyContent = "content of the source"
	copySource  = "network/source" // is there all the time
)

// writings are all operations that change an object. t is nil where only their names count.
func (t *trial) writings() []writing {
	put := func(content string, size int64, condition func(t *trial, key string) dossier.Condition) func(*trial, context.Context, string) error {
		return func(t *trial, ctx context.Context, key string) error {
			src := dossier.BytesSource([]byte(content))
			if size < 0 {
				src = dossier.ReaderSource(plain(content), -1)
			}
			_, err := t.backend.Put(ctx, key, src, dossier.PutOptions{If: condition(t, key)})
			return err
		}
	}
	always := func(*trial, string) dossier.Condition { return dossier.Condition{} }
	absent := func(*trial, string) dossier.Condition { return ifAbsent }
	present := func(t *trial, key string) dossier.Condition { return match(t.versions[key]) }
	small, large := "new content", t.largeContent()
	return []writing{
		{name: "put", after: small, do: put(small, 0, always)},
		{name: "put from a stream", after: small, do: put(small, -1, always)},
		{name: "put create-only", needs: dossier.PutIfAbsent, fresh: true, after: small, do: put(small, 0, absent)},
		{name: "put over a version", needs: dossier.PutMatch, after: small, do: put(small, 0, present)},
		{name: "put in parts", after: large, large: true, do: put(large, -1, always)},
		{name: "put in parts create-only", needs: dossier.PutIfAbsent, fresh: true, after: large, large: true, do: put(large, -1, absent)},
		{name: "delete", do: func(t *trial, ctx context.Context, key string) error {
			return t.backend.Delete(ctx, key, dossier.DeleteOptions{})
		}},
		{name: "delete of a version", needs: dossier.DeleteMatch, do: func(t *trial, ctx context.Context, key string) error {
			return t.backend.Delete(ctx, key, dossier.DeleteOptions{If: present(t, key)})
		}},
		{name: "batch", do: batchOfOne},
		{name: "copy", after: copyContent, do: func(t *trial, ctx context.Context, key string) error {
			_, err := dossier.Copy(ctx, t.backend, key, copySource, dossier.CopyOptions{})
			return err
		}},
		{name: "copy create-only", needs: dossier.CopyIfAbsent, in: copier, fresh: true, after: copyContent,
			do: func(t *trial, ctx context.Context, key string) error {
				_, err := dossier.Copy(ctx, t.backend, key, copySource, dossier.CopyOptions{If: ifAbsent})
				return err
			}},
		{name: "multipart upload", needs: dossier.Multipart, in: uploader, after: small + "!", do: uploadOnePart},
	}
}

// largeContent needs more than one request.
func (t *trial) largeContent() string {
	return pattern("network", 2*max(t.harness.unit(), int(t.backend.Describe().Limits.MinPart))+1)
}

// batchOfOne deletes the key among keys that are not there; no result at all is no success.
func batchOfOne(t *trial, ctx context.Context, key string) error {
	err := errors.New("the batch had no result for the key")
	for result, problem := range dossier.DeleteBatch(ctx, t.backend, slices.Values([]string{"network/missing", key})) {
		if result == key || problem != nil {
			err = problem
		}
	}
	return err
}

// uploadOnePart goes through the steps of a multipart upload, and aborts it when one fails.
func uploadOnePart(t *trial, ctx context.Context, key string) error {
	upload, err := t.parts().CreateUpload(ctx, key, dossier.PutOptions{})
	if err != nil {
		return err
	}
	part, err := t.parts().PutPart(ctx, upload, 1, dossier.BytesSource([]byte("new content!")))
	if err == nil {
		_, err = t.parts().CompleteUpload(ctx, upload, []dossier.Part{part})
	}
	if err != nil && dossier.OutcomeOf(err) == dossier.OutcomeNotApplied {
		if failed := t.parts().AbortUpload(context.WithoutCancel(ctx), upload); failed != nil {
			err = &dossier.Error{Op: "abort upload", Key: key, Leaked: &upload, Err: errors.Join(err, failed)}
		}
	}
	return err
}

// possible says whether the backend has what the operation needs.
func (w writing) possible(t *trial) bool {
	return t.can(w.needs) && (w.in.in == nil || w.in.in(t.backend))
}

// prepare puts the object that there was before.
func (w writing) prepare(t *trial, round int) (key string) {
	t.Helper()
	key = fmt.Sprintf("network/%s/%d", w.name, round)
	if w.fresh {
		return key
	}
	t.versions[key] = t.put(key, oldContent).Version
	return key
}
