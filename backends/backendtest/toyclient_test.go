package backendtest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"strconv"

	"github.com/dossier-go/dossier"
)

// toyPart is the size of the parts in which a toy sends its objects.
const toyPart = 1 << 10

// toy is a backend behind a network. The fields after faults are mistakes that backends make; the cases must find each.
type toy struct {
	url    string
	client *http.Client

	blind     bool // takes the refusal of its own second attempt for another one's object
	certain   bool // says that nothing happened when it cannot know
	absent    bool // takes every failure of a read for a missing object
	short     bool // takes the end of a connection for the end of an object
	unpinned  bool // goes on with whatever version is there now
	forgetful bool // does not abort what it cannot finish
	deaf      bool // does not try again, and has no word for throttling
	truncates bool // takes a page of a listing that it cannot get for an empty one
	uncancel  bool // calls an ended context a failure of the store
}

func (b *toy) Describe() dossier.Description {
	const set = dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.CopyIfAbsent | dossier.SuffixRange |
		dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C | dossier.VerifiesChecksums | dossier.ConsistentList |
		dossier.FlatKeys | dossier.Multipart
	return dossier.Description{Scheme: "toy", Store: "toy:" + b.url, Capabilities: set}
}

// attempts of one request.
const attempts = 3

// answered is what came back of a request that may have been sent more than once.
type answered struct {
	*http.Response
	text    []byte // of the body, if it was read
	doubted bool   // an earlier attempt may have been executed
}

// call sends a request until there is an answer. stream leaves the body to the caller.
func (b *toy) call(ctx context.Context, op string, a toyArguments, body []byte, stream bool) (got answered, err error) {
	arguments, err := json.Marshal(a)
	if err != nil {
		return got, b.fail(op, a.Key, err, false)
	}
	for range attempts {
		if err = dossier.ContextError(ctx); err != nil {
			break
		}
		got.Response, got.text, err = b.once(ctx, op, arguments, body, stream)
		if err == nil || b.deaf || isRefused(err) || !again(err) {
			break
		}
		got.doubted = got.doubted || !throttles(err)
	}
	return got, b.fail(op, a.Key, err, got.doubted && !b.certain)
}

func (b *toy) once(ctx context.Context, op string, arguments, body []byte, stream bool) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/"+op, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.GetBody = nil // net/http must not send it again by itself
	req.Header.Set("X-Arguments", string(arguments))
	got, err := b.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	if stream && got.StatusCode == http.StatusOK {
		return got, nil, nil
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err == nil && got.StatusCode != http.StatusOK {
		err = &status{got.StatusCode, toyKinds()[got.Header.Get("X-Kind")]}
	}
	return got, text, err
}

// status is an answer that is no success.
type status struct {
	code int
	kind error
}

func (s *status) Error() string { return "status " + strconv.Itoa(s.code) }
func (s *status) Unwrap() error { return s.kind }

func again(err error) bool {
	var s *status
	return !errors.As(err, &s) || s.kind == nil
}

func throttles(err error) bool {
	var s *status
	return errors.As(err, &s) && (s.code == http.StatusTooManyRequests || s.code == http.StatusServiceUnavailable)
}

func isRefused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// fail makes an error the backend's.
func (b *toy) fail(op, key string, err error, doubted bool) error {
	if err == nil {
		return nil
	}
	e := &dossier.Error{Op: op, Backend: "toy", Key: key, Kind: dossier.ErrUnavailable, Retryable: true, Err: err}
	var s *status
	switch {
	case errors.As(err, &s) && s.kind != nil:
		e.Kind, e.Retryable = s.kind, false
	case throttles(err) && !b.deaf:
		e.Kind = dossier.ErrThrottled
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Retryable = nil, false
		doubted = true
		if b.uncancel {
			e.Kind, e.Err = dossier.ErrUnavailable, errors.New(err.Error())
		}
	case b.deaf:
		e.Kind = nil
	case !isRefused(err) && !throttles(err):
		doubted = true
	}
	if doubted && !b.certain && e.Kind != dossier.ErrNotExist { //nolint:errorlint // the kind itself
		e.Outcome = dossier.OutcomeUnknown
	}
	return e
}

// into decodes an answer.
func into[T any](got answered, err error) (value T, _ error) {
	if err != nil {
		return value, err
	}
	return value, json.Unmarshal(got.text, &value)
}

// checked joins what must be right before a request is made.
func (b *toy) checked(ctx context.Context, op, key string, checks ...error) error {
	if err := errors.Join(append(checks, dossier.CheckKey(key))...); err != nil {
		kind := dossier.ErrInvalid
		for _, known := range []error{dossier.ErrInvalidKey, errors.ErrUnsupported} {
			if errors.Is(err, known) {
				kind = known
			}
		}
		return &dossier.Error{Op: op, Backend: "toy", Key: key, Kind: kind, Err: err}
	}
	if err := dossier.ContextError(ctx); err != nil {
		return &dossier.Error{Op: op, Backend: "toy", Key: key, Err: err}
	}
	return nil
}

func (b *toy) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := b.checked(ctx, "put", key, dossier.CheckPutOptions(opts), b.Describe().Capabilities.CheckPut(opts)); err != nil {
		return dossier.Info{}, err
	}
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return dossier.Info{}, sourceError(key, err)
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return dossier.Info{}, sourceError(key, err)
	}
	if opts.PutID == "" {
		opts.PutID = rand.Text()
	}
	a := toyArguments{Key: key, Put: toyPut{opts.If, 0, dossier.Checksums{}, opts.Header, opts.Metadata, opts.PutID}}
	if len(content) > toyPart {
		return b.putParts(ctx, a, content)
	}
	got, err := b.call(ctx, "put", a, content, false)
	return b.resolved(ctx, a, got, err)
}

func sourceError(key string, err error) error {
	e := &dossier.Error{Op: "put", Backend: "toy", Key: key, Err: err}
	for _, kind := range []error{dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrChecksum, dossier.ErrInvalid, dossier.ErrConsumed} {
		if errors.Is(err, kind) {
			e.Kind = kind
		}
	}
	return e
}

// resolved finds out whether the object that refuses a repeated write is its own.
func (b *toy) resolved(ctx context.Context, a toyArguments, got answered, err error) (dossier.Info, error) {
	if err == nil || !got.doubted || b.blind || again(err) {
		return into[dossier.Info](got, err)
	}
	now, problem := b.Stat(ctx, a.Key)
	if problem == nil && now.PutID == a.Put.PutID {
		return now, nil
	}
	return dossier.Info{}, &dossier.Error{
		Op: "put", Backend: "toy", Key: a.Key, Kind: dossier.ErrUnavailable, Outcome: dossier.OutcomeUnknown, Err: problem,
	}
}

func (b *toy) putParts(ctx context.Context, a toyArguments, content []byte) (info dossier.Info, err error) {
	upload, err := into[dossier.Upload](b.call(ctx, "create", a, nil, false))
	if err != nil {
		return dossier.Info{}, err
	}
	defer func() {
		if err != nil && dossier.OutcomeOf(err) == dossier.OutcomeNotApplied && !b.forgetful {
			err = b.aborted(ctx, upload, err)
		}
	}()
	a.ID = upload.ID
	for rest := content; len(rest) > 0; rest = rest[min(toyPart, len(rest)):] {
		part := a
		part.Number = len(a.Parts) + 1
		sent, err := into[dossier.Part](b.call(ctx, "part", part, rest[:min(toyPart, len(rest))], false))
		if err != nil {
			return dossier.Info{}, notApplied(err)
		}
		a.Parts = append(a.Parts, sent)
	}
	got, err := b.call(ctx, "complete", a, nil, false)
	return b.resolved(ctx, a, got, err)
}

// notApplied is the error of a step that is not the one which shows the object.
func notApplied(err error) error {
	var e *dossier.Error
	if !errors.As(err, &e) {
		return err
	}
	known := *e
	known.Outcome = dossier.OutcomeNotApplied
	return &known
}

func (b *toy) aborted(ctx context.Context, upload dossier.Upload, err error) error {
	problem := b.AbortUpload(context.WithoutCancel(ctx), upload)
	var e *dossier.Error
	if problem == nil || !errors.As(err, &e) {
		return err
	}
	leaked := *e
	leaked.Leaked, leaked.Err = &upload, errors.Join(e.Err, problem)
	return &leaked
}

func (b *toy) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	if err := b.checked(ctx, "get", key, dossier.CheckGetOptions(opts)); err != nil {
		return nil, err
	}
	got, err := b.call(ctx, "get", toyArguments{Key: key, Get: opts}, nil, true)
	if err != nil && b.absent {
		return nil, &dossier.Error{Op: "get", Key: key, Kind: dossier.ErrNotExist, Err: err}
	}
	if err != nil {
		return nil, err
	}
	var info dossier.Info
	from, err := strconv.ParseInt(got.Header.Get("X-From"), 10, 64)
	if err = errors.Join(err, json.Unmarshal([]byte(got.Header.Get("X-Info")), &info)); err != nil {
		return nil, err
	}
	to := from + got.ContentLength
	object := dossier.NewObject(info, from, to, &toyBody{ctx: ctx, of: b, info: info, at: from, to: to, body: got.Body})
	if opts.SkipVerify {
		return object, nil
	}
	return object.Verified(), nil
}

// toyBody goes on where it broke.
type toyBody struct {
	ctx    context.Context
	of     *toy
	info   dossier.Info
	at, to int64
	broken int
	body   io.ReadCloser
}

func (r *toyBody) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.at += int64(n)
		if n > 0 || err == nil {
			return n, nil
		}
		if r.at == r.to {
			return 0, io.EOF
		}
		if r.of.short {
			clear(p)
			r.at += int64(len(p))
			return len(p), nil
		}
		if r.broken++; r.broken == attempts || dossier.ContextError(r.ctx) != nil {
			return 0, errors.Join(io.ErrUnexpectedEOF, dossier.ContextError(r.ctx))
		}
		if err := r.again(); err != nil {
			return 0, err
		}
	}
}

func (r *toyBody) again() error {
	opts := dossier.GetOptions{Range: dossier.Range{Offset: r.at, Length: r.to - r.at}}
	if !r.of.unpinned {
		opts.If.Match = r.info.Version
	}
	got, err := r.of.call(r.ctx, "get", toyArguments{Key: r.info.Key, Get: opts}, nil, true)
	if err != nil {
		return err
	}
	r.body.Close()
	r.body = got.Body
	return nil
}

func (r *toyBody) Close() error { return r.body.Close() }

func (b *toy) Stat(ctx context.Context, key string) (dossier.Info, error) {
	if err := b.checked(ctx, "stat", key); err != nil {
		return dossier.Info{}, err
	}
	return into[dossier.Info](b.call(ctx, "stat", toyArguments{Key: key}, nil, false))
}

func (b *toy) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	if err := b.checked(ctx, "delete", key, dossier.CheckDeleteOptions(opts)); err != nil {
		return err
	}
	got, err := b.call(ctx, "delete", toyArguments{Key: key, Put: toyPut{If: opts.If}}, nil, false)
	if errors.Is(err, dossier.ErrPrecondition) && got.doubted && !b.blind {
		if _, gone := b.Stat(ctx, key); errors.Is(gone, dossier.ErrNotExist) {
			return nil
		}
	}
	return err
}

func (b *toy) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	if err := b.checked(ctx, "copy", src, dossier.CheckKey(dst), dossier.CheckCopyOptions(opts)); err != nil {
		return dossier.Info{}, err
	}
	got, err := b.call(ctx, "copy", toyArguments{Key: dst, Source: src, Copy: opts}, nil, false)
	if err != nil && got.doubted && !again(err) && !b.blind {
		err = &dossier.Error{Op: "copy", Backend: "toy", Key: src, Kind: dossier.ErrUnavailable, Outcome: dossier.OutcomeUnknown}
	}
	return into[dossier.Info](got, err)
}

func (b *toy) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		if err := b.checked(ctx, "list", "x", dossier.CheckListOptions(opts)); err != nil {
			yield(dossier.Info{}, err)
			return
		}
		size := opts.PageSize
		if size == 0 {
			size = 1000
		}
		for {
			page, err := into[[]dossier.Info](b.call(ctx, "list", toyArguments{List: opts, Page: size, After: []byte(opts.After)}, nil, false))
			if err != nil && !b.truncates {
				yield(dossier.Info{}, err)
				return
			}
			for _, info := range page {
				if !yield(info, nil) {
					return
				}
				opts.After = info.Key
			}
			if len(page) < size {
				return
			}
		}
	}
}

func (b *toy) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	if err := b.checked(ctx, "create upload", key, dossier.CheckPutOptions(opts)); err != nil {
		return dossier.Upload{}, err
	}
	put := toyPut{opts.If, opts.MaxSize, opts.Expect, opts.Header, opts.Metadata, opts.PutID}
	return into[dossier.Upload](b.call(ctx, "create", toyArguments{Key: key, Put: put}, nil, false))
}

func (b *toy) PutPart(ctx context.Context, upload dossier.Upload, number int, src dossier.Source) (dossier.Part, error) {
	var bad error
	if number < 1 || number > dossier.MaxPartNumber {
		bad = dossier.ErrInvalid
	}
	if err := b.checked(ctx, "put part", upload.Key, bad); err != nil {
		return dossier.Part{}, err
	}
	in, err := dossier.Receive(ctx, src, dossier.PutOptions{})
	if err != nil {
		return dossier.Part{}, sourceError(upload.Key, err)
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return dossier.Part{}, sourceError(upload.Key, err)
	}
	part, err := into[dossier.Part](b.call(ctx, "part", toyArguments{Key: upload.Key, ID: upload.ID, Number: number}, content, false))
	return part, notApplied(err)
}

func (b *toy) Parts(ctx context.Context, upload dossier.Upload) iter.Seq2[dossier.Part, error] {
	if err := b.checked(ctx, "list parts", upload.Key); err != nil {
		return listed[dossier.Part](nil, err)
	}
	return listed(into[[]dossier.Part](b.call(ctx, "parts", toyArguments{Key: upload.Key, ID: upload.ID}, nil, false)))
}

// listed yields what one request found.
func listed[T any](all []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
		if err != nil {
			yield(*new(T), err)
		}
	}
}

func (b *toy) CompleteUpload(ctx context.Context, upload dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	if err := b.checked(ctx, "complete upload", upload.Key); err != nil {
		return dossier.Info{}, err
	}
	a := toyArguments{Key: upload.Key, ID: upload.ID, Parts: parts}
	got, err := b.call(ctx, "complete", a, nil, false)
	if errors.Is(err, dossier.ErrNotExist) && got.doubted && !b.blind {
		err = &dossier.Error{Op: "complete upload", Backend: "toy", Key: upload.Key, Kind: dossier.ErrUnavailable, Outcome: dossier.OutcomeUnknown}
	}
	return into[dossier.Info](got, err)
}

func (b *toy) AbortUpload(ctx context.Context, upload dossier.Upload) error {
	if err := b.checked(ctx, "abort upload", upload.Key); err != nil {
		return err
	}
	_, err := b.call(ctx, "abort", toyArguments{Key: upload.Key, ID: upload.ID}, nil, false)
	return err
}

func (b *toy) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	if err := b.checked(ctx, "list uploads", "x", dossier.CheckPrefix(prefix)); err != nil {
		return listed[dossier.Upload](nil, err)
	}
	return listed(into[[]dossier.Upload](b.call(ctx, "uploads", toyArguments{Key: prefix}, nil, false)))
}
