package dossier_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// Header values reach HTTP answers: a line break there writes headers of an attacker's choice.
func TestHeaderFieldsAreOneLineOfVisibleASCII(t *testing.T) {
	t.Parallel()
	set := map[string]func(value string) dossier.Header{
		"type":        func(v string) dossier.Header { return dossier.Header{ContentType: "text/plain; x=" + v} },
		"disposition": func(v string) dossier.Header { return dossier.Header{ContentDisposition: v} },
		"encoding":    func(v string) dossier.Header { return dossier.Header{ContentEncoding: v} },
		"language":    func(v string) dossier.Header { return dossier.Header{ContentLanguage: v} },
		"cache":       func(v string) dossier.Header { return dossier.Header{CacheControl: v} },
	}
	for name, header := range set {
		for _, bad := range []string{"a\r\nX: y", "a\nb", "a\x00", "a\tb", "a\x7f", "é", strings.Repeat("x", 1025)} {
			if err := dossier.CheckPutOptions(dossier.PutOptions{Header: header(bad)}); !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%s %.20q: %v, want ErrInvalid", name, bad, err)
			}
		}
		if err := dossier.CheckPutOptions(dossier.PutOptions{Header: header("good")}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A malformed type is refused here rather than served to a browser that guesses.
func TestContentTypeIsWellFormed(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"text/plain": true, "text/plain; charset=utf-8": true, `multipart/x; a="b c"`: true, "application/vnd.api+json": true,
		"text": false, "text/": false, "/plain": false, "text/plain; charset": false, "text plain": false, ";": false, "text/plain, text/html": false,
	} {
		err := dossier.CheckPutOptions(dossier.PutOptions{Header: dossier.Header{ContentType: value}})
		if good != (err == nil) || !good && !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// Metadata is what every store can keep unchanged; anything else would come back different from somewhere.
func TestMetadataGrammar(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", dossier.MaxMetadata-1)
	for _, row := range []struct {
		name, value string
		good        bool
	}{
		{"a", "", true}, {"a_1", "value with spaces", true}, {"a", "ünïcode \U0001F600", true}, {"a", "100 % =?UTF-8?", true}, {"a", big, true},
		{"", "x", false}, {"A", "x", false}, {"1a", "x", false}, {"_a", "x", false}, {"a-b", "x", false}, {"a b", "x", false}, {"é", "x", false},
		{"a", " x", false}, {"a", "x ", false}, {"a", "x  y", false}, {"a", "x\r\ny", false}, {"a", "\x00", false}, {"a", "\xff", false},
		{"a", "\u202Ex", false}, {"a", big + "x", false},
	} {
		opts := dossier.PutOptions{Metadata: map[string]string{row.name: row.value}}
		err := dossier.CheckPutOptions(opts)
		if row.good != (err == nil) || !row.good && !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q: %.20q: %v", row.name, row.value, err)
		}
	}
}

// Options that contradict themselves have no meaning that two backends would agree on.
func TestOptionsThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	cond := func(absent bool, match, not dossier.Version) dossier.Condition {
		return dossier.Condition{IfAbsent: absent, Match: match, NotMatch: not}
	}
	for name, err := range map[string]error{
		"put, two conditions":    dossier.CheckPutOptions(dossier.PutOptions{If: cond(true, "v", "")}),
		"put, not match":         dossier.CheckPutOptions(dossier.PutOptions{If: cond(false, "", "v")}),
		"put, negative limit":    dossier.CheckPutOptions(dossier.PutOptions{MaxSize: -1}),
		"put, short CRC32C":      dossier.CheckPutOptions(dossier.PutOptions{Expect: dossier.Checksums{CRC32C: make([]byte, 3)}}),
		"put, empty SHA-256":     dossier.CheckPutOptions(dossier.PutOptions{Expect: dossier.Checksums{SHA256: []byte{}}}),
		"put, long MD5":          dossier.CheckPutOptions(dossier.PutOptions{Expect: dossier.Checksums{MD5: make([]byte, 17)}}),
		"put, short CRC64NVME":   dossier.CheckPutOptions(dossier.PutOptions{Expect: dossier.Checksums{CRC64NVME: make([]byte, 4)}}),
		"get, absent":            dossier.CheckGetOptions(dossier.GetOptions{If: cond(true, "", "")}),
		"get, two conditions":    dossier.CheckGetOptions(dossier.GetOptions{If: cond(false, "v", "w")}),
		"get, range":             dossier.CheckGetOptions(dossier.GetOptions{Range: dossier.Range{Offset: -5, Length: 5}}),
		"delete, absent":         dossier.CheckDeleteOptions(dossier.DeleteOptions{If: cond(true, "", "")}),
		"delete, not match":      dossier.CheckDeleteOptions(dossier.DeleteOptions{If: cond(false, "", "v")}),
		"list, delimiter":        dossier.CheckListOptions(dossier.ListOptions{Delimiter: "//"}),
		"list, page":             dossier.CheckListOptions(dossier.ListOptions{PageSize: -1}),
		"list, large page":       dossier.CheckListOptions(dossier.ListOptions{PageSize: 1001}),
		"copy, two conditions":   dossier.CheckCopyOptions(dossier.CopyOptions{If: cond(true, "v", "")}),
		"copy, not match":        dossier.CheckCopyOptions(dossier.CopyOptions{If: cond(false, "", "v")}),
		"copy, source absent":    dossier.CheckCopyOptions(dossier.CopyOptions{SourceIf: cond(true, "", "")}),
		"copy, bad replacement":  dossier.CheckCopyOptions(dossier.CopyOptions{Replace: &dossier.Replacement{Metadata: map[string]string{"A": ""}}}),
		"copy, bad header":       dossier.CheckCopyOptions(dossier.CopyOptions{Replace: &dossier.Replacement{Header: dossier.Header{CacheControl: "\n"}}}),
		"put, header and limit":  dossier.CheckPutOptions(dossier.PutOptions{Header: dossier.Header{ContentType: "\n"}}),
		"put, condition and sum": dossier.CheckPutOptions(dossier.PutOptions{Expect: dossier.Checksums{MD5: []byte{1}}}),
	} {
		if !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// A signature is handed to strangers: what it does not bind, they choose. Only requests that mean something are signed.
func TestSignRequestsThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	for name, req := range map[string]dossier.SignRequest{
		"method":            {Method: "PATCH", Key: "a", TTL: minute},
		"lower-case method": {Method: "get", Key: "a", TTL: minute},
		"no life":           {Method: "GET", Key: "a"},
		"negative life":     {Method: "GET", Key: "a", TTL: -minute},
		"window too large":  {Method: "GET", Key: "a", TTL: minute, Window: minute},
		"negative window":   {Method: "GET", Key: "a", TTL: minute, Window: -1},
		"type of a GET":     {Method: "GET", Key: "a", TTL: minute, ContentType: "text/plain"},
		"length of a GET":   {Method: "DELETE", Key: "a", TTL: minute, Length: 1},
		"condition of HEAD": {Method: "HEAD", Key: "a", TTL: minute, If: dossier.Condition{IfAbsent: true}},
		"metadata of a GET": {Method: "GET", Key: "a", TTL: minute, Metadata: map[string]string{"a": "b"}},
		"checksum of a GET": {Method: "GET", Key: "a", TTL: minute, Expect: dossier.Checksums{MD5: make([]byte, 16)}},
		"answer of a PUT":   {Method: "PUT", Key: "a", TTL: minute, Respond: dossier.Header{ContentType: "text/plain"}},
		"header injection":  {Method: "GET", Key: "a", TTL: minute, Respond: dossier.Header{ContentDisposition: "a\r\nb"}},
		"negative limit":    {Method: "PUT", Key: "a", TTL: minute, MaxLength: -1},
		"length over limit": {Method: "PUT", Key: "a", TTL: minute, Length: 2, MaxLength: 1},
		"version":           {Method: "PUT", Key: "a", TTL: minute, If: dossier.Condition{Match: "v"}},
		"short checksum":    {Method: "PUT", Key: "a", TTL: minute, Expect: dossier.Checksums{MD5: make([]byte, 15)}},
		"bad type":          {Method: "PUT", Key: "a", TTL: minute, ContentType: "text"},
	} {
		if err := dossier.CheckSignRequest(req); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	for name, req := range map[string]dossier.FormRequest{
		"no life": {Key: "a"}, "lengths": {Key: "a", TTL: minute, MinLength: 2, MaxLength: 1}, "negative": {Key: "a", TTL: minute, MinLength: -1},
		"version": {Key: "a", TTL: minute, If: dossier.Condition{Match: "v"}}, "type": {Key: "a", TTL: minute, ContentType: "x"},
		"metadata": {Key: "a", TTL: minute, Metadata: map[string]string{"A": ""}},
	} {
		if err := dossier.CheckFormRequest(req); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("form, %s: %v, want ErrInvalid", name, err)
		}
	}
}

func ExampleCheckPutOptions() {
	opts := dossier.PutOptions{Metadata: map[string]string{"camera": "X-100"}}
	fmt.Println(dossier.CheckPutOptions(opts))
	opts.Metadata = maps.Clone(opts.Metadata)
	opts.Metadata["Camera-Make"] = "F"
	fmt.Println(dossier.CheckPutOptions(opts))
	// Output:
	// <nil>
	// invalid argument: metadata name "Camera-Make"; it is [a-z][a-z0-9_]*
}
