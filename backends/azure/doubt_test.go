package azure_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
	"github.com/dossier-go/dossier/internal/crc"
)

func isPart(comp string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == http.MethodPut && r.URL.Query().Get("comp") == comp }
}

// TestALostAnswerToAHeaderLosesNoMetadata, which is sent by a request of its own afterwards.
func TestALostAnswerToAHeaderLosesNoMetadata(t *testing.T) {
	t.Parallel()
	for _, comp := range []string{"properties", "metadata"} {
		f, b := newFake(t, nil)
		put(t, b, "a", "content")
		f.lose = once(isPart(comp))
		to := dossier.Replacement{Header: dossier.Header{ContentType: "a/b"}, Metadata: map[string]string{"name": "value"}}
		info, err := b.UpdateHeader(t.Context(), "a", to, dossier.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		now := must[dossier.Info](t)(b.Stat(t.Context(), "a"))
		if fmt.Sprint(now) != fmt.Sprint(info) || now.Metadata["name"] != "value" || now.Header != to.Header {
			t.Errorf("the answer to %s was lost: %+v was returned, %+v is there", comp, info, now)
		}
	}
}

// TestAnotherOnesMetadataIsNotOurs although header and put id are the same.
func TestAnotherOnesMetadataIsNotOurs(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	put(t, b, "a", "content")
	first := once(isPart("metadata"))
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if !first(r) {
			return false
		}
		other := f.blobs["a"]
		other.header, other.etag = other.header.Clone(), `"0xF"`
		other.header.Set("X-Ms-Meta-Name", "another")
		f.blobs["a"] = other
		problem(w, http.StatusServiceUnavailable, "ServerBusy")
		return true
	}
	to := dossier.Replacement{Metadata: map[string]string{"name": "value"}}
	info, err := b.UpdateHeader(t.Context(), "a", to, dossier.Condition{})
	if now := must[dossier.Info](t)(b.Stat(t.Context(), "a")); err != nil || now.Metadata["name"] != "value" || now.Version != info.Version {
		t.Errorf("%+v, %v, but there is %+v", info, err, now)
	}
}

// TestUpdatesUnderAConditionNeedOne that the server honours.
func TestUpdatesUnderAConditionNeedOne(t *testing.T) {
	t.Parallel()
	_, b := newFake(t, func(cfg *azure.Config) { cfg.Without = dossier.PutMatch })
	info := put(t, b, "a", "content")
	_, err := b.UpdateHeader(t.Context(), "a", dossier.Replacement{}, dossier.Condition{Match: info.Version})
	wants(t, "update", err, errors.ErrUnsupported)
}

// TestARefusedRepetitionSaysNothingOfTheFirst: a request whose answer was lost may have been done, whatever is said to the
// next one.
func TestARefusedRepetitionSaysNothingOfTheFirst(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"Put Blob": 100, "Put Block List": 200 << 10} {
		f, b := newFake(t, nil)
		writes := func(r *http.Request) bool { return isPut(r) || isCommit(r) }
		f.lose = once(writes)
		sent := 0
		f.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if !writes(r) {
				return false
			}
			if sent++; sent == 2 {
				problem(w, http.StatusForbidden, "AuthenticationFailed")
			}
			return sent == 2
		}
		info, err := b.Put(t.Context(), "a", dossier.BytesSource(pattern(size)), dossier.PutOptions{})
		if now := must[dossier.Info](t)(b.Stat(t.Context(), "a")); err != nil || now.Version != info.Version {
			t.Errorf("%s: %+v, %v, but there is %+v", name, info, err, now)
		}
	}
}

// TestAnEmptyAnswerIsNoListing: it would end one early, as if there were no more.
func TestAnEmptyAnswerIsNoListing(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusOK)
		return r.URL.Query().Get("comp") == "list"
	}
	for _, delimiter := range []string{"", "/"} {
		var last error
		for _, last = range b.List(t.Context(), dossier.ListOptions{Delimiter: delimiter}) {
		}
		wants(t, "list", last, dossier.ErrUnavailable)
	}
	var last error
	for _, last = range b.Uploads(t.Context(), "") {
	}
	wants(t, "uploads", last, dossier.ErrUnavailable)
}

// TestErrorsDoNotTellSignatures: errors are logged, and whoever reads the log could read the container.
func TestErrorsDoNotTellSignatures(t *testing.T) {
	t.Parallel()
	closed := newOver(t, "http://127.0.0.1:1/account/container?sv=2020-02-10&sig=topsecret", nil)
	_, err := closed.Stat(t.Context(), "a")
	wants(t, "stat", err, dossier.ErrUnavailable)
	if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, "topsecret") {
		t.Error(text)
	}
}

// TestAServerThatIgnoresConditionsAndRanges must not make bytes of two versions, or more than was asked for, pass for right.
func TestAServerThatIgnoresConditionsAndRanges(t *testing.T) {
	t.Parallel()
	content := pattern(100000)
	f, b := newFake(t, nil)
	info := put(t, b, "a", string(content))
	broken := cut(content, info.ETag)
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("If-Match")
		return broken(w, r)
	}
	object := must[*dossier.Object](t)(b.Get(t.Context(), "a", dossier.GetOptions{SkipVerify: true}))
	put(t, b, "a", strings.Repeat("x", 100000))
	got, err := io.ReadAll(object)
	if !bytes.HasPrefix(content, got) {
		t.Error("bytes of two versions")
	}
	wants(t, "replaced meanwhile", err, dossier.ErrPrecondition)
	f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("x-ms-range")
		return false
	}
	_, err = b.Get(t.Context(), "a", dossier.GetOptions{Range: dossier.Range{Length: 5}})
	wants(t, "a range", err, dossier.ErrUnavailable)
}

// TestAKeyWithoutAResultIsInDoubt: nobody said that it was not deleted.
func TestAKeyWithoutAResultIsInDoubt(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	f.fault = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "multipart/mixed; boundary=x")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "--x\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n\r\n--x--\r\n")
		return true
	}
	for key, err := range b.DeleteBatch(t.Context(), slices.Values([]string{"a", "b"})) {
		if dossier.OutcomeOf(err) != dossier.OutcomeUnknown && (key == "b" || err != nil) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestAnOutageIsNoMissingCapability: the store would be crippled for as long as the process lives.
func TestAnOutageIsNoMissingCapability(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"If-None-Match", "If-Match"} {
		f, b := newFake(t, nil)
		f.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get(field) == "" {
				return false
			}
			problem(w, http.StatusServiceUnavailable, "ServerBusy")
			return true
		}
		_, err := b.Probe(t.Context())
		wants(t, field, err, dossier.ErrThrottled)
	}
}

// TestAnUploadWhoseCreationFailedIsRemoved, because nobody knows its id.
func TestAnUploadWhoseCreationFailedIsRemoved(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	f.lose = isPut
	_, err := b.CreateUpload(t.Context(), "a", dossier.PutOptions{})
	wants(t, "create", err, dossier.ErrUnavailable)
	if len(f.blobs) != 0 {
		t.Error("its record is left")
	}
	f.lose = func(*http.Request) bool { return true }
	_, err = b.CreateUpload(t.Context(), "a", dossier.PutOptions{})
	var typed *dossier.Error
	if !errors.As(err, &typed) || typed.Leaked == nil || typed.Leaked.Key != "a" || len(typed.Leaked.ID) != 26 {
		t.Errorf("%+v does not name what may be left", typed)
	}
}

// hook runs before requests.
type hook func(*http.Request)

// Do implements the SDK's policy.Policy.
func (h hook) Do(req *policy.Request) (*http.Response, error) {
	h(req.Raw())
	return req.Next()
}

// TestReclaimSparesUploadsThatBeginMeanwhile: their blocks have no time, and must not be taken for old ones.
func TestReclaimSparesUploadsThatBeginMeanwhile(t *testing.T) {
	t.Parallel()
	direct := newContainer(t)
	writer := must[*azure.Backend](t)(azure.New(direct, testConfig(t)))
	_, key := endpoint(t)
	var up dossier.Upload
	var part dossier.Part
	o := options(t)
	o.PerCallPolicies = []policy.Policy{hook(func(r *http.Request) {
		if strings.HasSuffix(r.URL.Query().Get("prefix"), "/parts/") && up.ID == "" {
			up = must[dossier.Upload](t)(writer.CreateUpload(t.Context(), "a", dossier.PutOptions{}))
			part = must[dossier.Part](t)(writer.PutPart(t.Context(), up, 1, dossier.BytesSource([]byte("content"))))
		}
	})}
	client := must[*container.Client](t)(container.NewClientWithSharedKeyCredential(direct.URL(), key, o))
	b := must[*azure.Backend](t)(azure.New(client, testConfig(t)))
	if report, err := b.Reclaim(t.Context(), 0); err != nil || report != (dossier.ReclaimReport{}) || up.ID == "" {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := writer.CompleteUpload(t.Context(), up, []dossier.Part{part}); err != nil {
		t.Error(err)
	}
}

// TestSignedPartsCannotLie: who has the URL of a part chooses the name of its block, and with that what it says of itself.
func TestSignedPartsCannotLie(t *testing.T) {
	t.Parallel()
	promised := []byte("what was promised")
	for name, content := range map[string]string{"another content": "what is delivered", "a larger one": "what was promised, and more"} {
		b := newStore(t, nil)
		sums := crc.Of(promised)
		up := must[dossier.Upload](t)(b.CreateUpload(t.Context(), "a", dossier.PutOptions{
			MaxSize: int64(len(promised)), Expect: dossier.Checksums{CRC32C: crc.Bytes32(sums.CRC32C)},
		}))
		one := signed(t, b, dossier.SignRequest{Method: "PUT", Key: "a", Part: dossier.PartRequest{UploadID: up.ID, Number: 1}})
		etag, _ := azure.PartETag(1, promised)
		at := must[*url.URL](t)(url.Parse(one.URL))
		query := at.Query()
		query.Set("blockid", strings.Trim(etag, `"`))
		at.RawQuery = query.Encode()
		one.URL = at.String()
		if status, _, body := send(t, one, content, nil); status != http.StatusCreated {
			t.Fatalf("%d %s", status, body)
		}
		_, err := b.CompleteUpload(t.Context(), up, []dossier.Part{{Number: 1, Size: int64(len(promised)), ETag: etag}})
		if !errors.Is(err, dossier.ErrChecksum) && !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		_, err = b.Stat(t.Context(), "a")
		wants(t, name, err, dossier.ErrNotExist)
	}
}
