package dossier

import (
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxMetadata is the portable limit of metadata: bytes of names and values together.
const MaxMetadata = 2 << 10

// MaxPartNumber is the portable limit of the parts of a multipart upload.
const MaxPartNumber = 10_000

// maxHeaderValue is the limit of one header field, in bytes.
const maxHeaderValue = 1 << 10

// CheckPutOptions returns an error that Is [ErrInvalid] for options that no backend accepts: more than one condition,
// negative limits, checksums of the wrong length, metadata outside the portable grammar, header fields with control
// characters, a malformed content type, class, tag or access control list. Backends that are used without a registry call it first.
func CheckPutOptions(opts PutOptions) error {
	if opts.MaxSize < 0 {
		return fmt.Errorf("%w: MaxSize is %d", ErrInvalid, opts.MaxSize)
	}
	if opts.If.NotMatch != "" {
		return fmt.Errorf("%w: NotMatch is a condition of reads", ErrInvalid)
	}
	return errors.Join(checkCondition(opts.If), checkChecksums(opts.Expect), checkHeader(opts.Header), checkMetadata(opts.Metadata),
		checkPlacement(opts))
}

// CheckGetOptions returns an error that Is [ErrInvalid] for a range or condition that has no meaning.
func CheckGetOptions(opts GetOptions) error {
	if opts.If.IfAbsent {
		return fmt.Errorf("%w: IfAbsent is a condition of writes", ErrInvalid)
	}
	return errors.Join(opts.Range.Check(), checkCondition(opts.If))
}

// CheckDeleteOptions returns an error that Is [ErrInvalid] for a condition other than Match.
func CheckDeleteOptions(opts DeleteOptions) error {
	if opts.If.IfAbsent || opts.If.NotMatch != "" {
		return fmt.Errorf("%w: only Match is a condition here", ErrInvalid)
	}
	return nil
}

// CheckListOptions returns an error for a malformed prefix ([ErrInvalidKey]), delimiter or page size ([ErrInvalid]).
func CheckListOptions(opts ListOptions) error {
	if opts.Delimiter != "" && opts.Delimiter != "/" {
		return fmt.Errorf("%w: delimiter %q; only \"/\" is supported", ErrInvalid, opts.Delimiter)
	}
	if opts.PageSize < 0 || opts.PageSize > 1000 {
		return fmt.Errorf("%w: page size %d; it is 1 to 1,000, or 0 for the store's own", ErrInvalid, opts.PageSize)
	}
	return CheckPrefix(opts.Prefix)
}

// CheckCopyOptions returns an error that Is [ErrInvalid] for conditions that have no meaning or a bad replacement.
func CheckCopyOptions(opts CopyOptions) error {
	if opts.If.NotMatch != "" || opts.SourceIf.NotMatch != "" || opts.SourceIf.IfAbsent {
		return fmt.Errorf("%w: a copy takes IfAbsent or Match for the destination and Match for the source", ErrInvalid)
	}
	err := checkCondition(opts.If)
	if opts.Replace != nil {
		err = errors.Join(err, checkHeader(opts.Replace.Header), checkMetadata(opts.Replace.Metadata))
	}
	return err
}

func checkCondition(c Condition) error {
	set := 0
	for _, is := range []bool{c.IfAbsent, c.Match != "", c.NotMatch != ""} {
		if is {
			set++
		}
	}
	if set > 1 {
		return fmt.Errorf("%w: more than one condition", ErrInvalid)
	}
	return nil
}

func checkChecksums(c Checksums) error {
	for _, sum := range []struct {
		name   string
		value  []byte
		length int
	}{{"CRC32C", c.CRC32C, 4}, {"CRC64NVME", c.CRC64NVME, 8}, {"SHA-256", c.SHA256, 32}, {"MD5", c.MD5, 16}} {
		if sum.value != nil && len(sum.value) != sum.length {
			return fmt.Errorf("%w: a %s has %d bytes, not %d", ErrInvalid, sum.name, sum.length, len(sum.value))
		}
	}
	return nil
}

func (c Checksums) any() bool {
	return c.CRC32C != nil || c.CRC64NVME != nil || c.SHA256 != nil || c.MD5 != nil
}

func checkHeader(h Header) error {
	if h.ContentType != "" {
		if _, _, err := mime.ParseMediaType(h.ContentType); err != nil || !strings.Contains(h.ContentType, "/") {
			return fmt.Errorf("%w: content type %q", ErrInvalid, h.ContentType)
		}
	}
	for _, field := range [][2]string{
		{"Content-Type", h.ContentType},
		{"Content-Disposition", h.ContentDisposition},
		{"Content-Encoding", h.ContentEncoding},
		{"Content-Language", h.ContentLanguage},
		{"Cache-Control", h.CacheControl},
	} {
		if strings.ContainsFunc(field[1], notVisibleASCII) || len(field[1]) > maxHeaderValue {
			return fmt.Errorf("%w: %s %q; it takes at most %d visible ASCII characters", ErrInvalid, field[0], field[1], maxHeaderValue)
		}
	}
	return nil
}

func notVisibleASCII(r rune) bool { return r < 0x20 || r > 0x7E }

func checkMetadata(metadata map[string]string) error {
	total := 0
	for name, value := range metadata {
		total += len(name) + len(value)
		if !metadataName(name) {
			return fmt.Errorf("%w: metadata name %q; it is [a-z][a-z0-9_]*", ErrInvalid, name)
		}
		if !utf8.ValidString(value) || strings.ContainsFunc(value, forbiddenRune) || value != strings.TrimSpace(value) ||
			strings.Contains(value, "  ") {
			return fmt.Errorf("%w: metadata %s: %q has control characters, outer or double spaces, or is not UTF-8", ErrInvalid, name, value)
		}
	}
	if total > MaxMetadata {
		return fmt.Errorf("%w: metadata of %d bytes; at most %d", ErrInvalid, total, MaxMetadata)
	}
	return nil
}

func metadataName(name string) bool {
	for i, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '_')) {
			return false
		}
	}
	return name != ""
}

// CheckSignRequest returns an error for a bad key ([ErrInvalidKey]), method, life or binding ([ErrInvalid]).
func CheckSignRequest(req SignRequest) error {
	if !slices.Contains([]string{"GET", "HEAD", "PUT", "DELETE"}, req.Method) {
		return fmt.Errorf("%w: method %q; it is GET, HEAD, PUT or DELETE", ErrInvalid, req.Method)
	}
	binds := req.ContentType != "" || req.Length != 0 || req.MaxLength != 0 || req.If != (Condition{}) ||
		len(req.Metadata) > 0 || req.Expect.any()
	if req.Method != "PUT" && binds {
		return fmt.Errorf("%w: only a PUT has a type, length, checksum, condition or metadata to bind", ErrInvalid)
	}
	if req.Method != "GET" && req.Method != "HEAD" && req.Respond != (Header{}) {
		return fmt.Errorf("%w: only a GET has an answer to override", ErrInvalid)
	}
	if err := checkPartRequest(req); err != nil {
		return err
	}
	if req.Window < 0 || req.Window >= req.TTL && req.Window > 0 {
		return fmt.Errorf("%w: window %v of a life of %v", ErrInvalid, req.Window, req.TTL)
	}
	if req.MaxLength < 0 || req.MaxLength > 0 && req.Length > req.MaxLength {
		return fmt.Errorf("%w: length %d of at most %d", ErrInvalid, req.Length, req.MaxLength)
	}
	return errors.Join(CheckKey(req.Key), checkTTL(req.TTL), checkBoundCondition(req.If), checkChecksums(req.Expect),
		checkHeader(Header{ContentType: req.ContentType}), checkHeader(req.Respond), checkMetadata(req.Metadata))
}

func checkPartRequest(req SignRequest) error {
	if req.Part == (PartRequest{}) {
		return nil
	}
	object := req.ContentType != "" || req.MaxLength != 0 || req.If != (Condition{}) || len(req.Metadata) > 0
	if req.Method != "PUT" || req.Part.UploadID == "" || object {
		return fmt.Errorf("%w: a part is a PUT, names its upload and has only a length and a checksum to bind", ErrInvalid)
	}
	return checkPartNumber(req.Part.Number)
}

// CheckFormRequest returns an error for a bad key ([ErrInvalidKey]), life or binding ([ErrInvalid]).
func CheckFormRequest(req FormRequest) error {
	if req.MinLength < 0 || req.MaxLength < 0 || req.MaxLength > 0 && req.MinLength > req.MaxLength {
		return fmt.Errorf("%w: length from %d to %d", ErrInvalid, req.MinLength, req.MaxLength)
	}
	return errors.Join(CheckKey(req.Key), checkTTL(req.TTL), checkBoundCondition(req.If),
		checkHeader(Header{ContentType: req.ContentType}), checkMetadata(req.Metadata))
}

func checkTTL(ttl time.Duration) error {
	if ttl <= 0 {
		return fmt.Errorf("%w: a signature must live longer than %v", ErrInvalid, ttl)
	}
	return nil
}

func checkBoundCondition(c Condition) error {
	if c.Match != "" || c.NotMatch != "" {
		return fmt.Errorf("%w: only IfAbsent can be bound to a signature", ErrInvalid)
	}
	return nil
}

func checkPartNumber(number int) error {
	if number < 1 || number > MaxPartNumber {
		return fmt.Errorf("%w: part %d; parts are numbered 1 to %d", ErrInvalid, number, MaxPartNumber)
	}
	return nil
}

func checkPartOrder(parts []Part) error {
	last := 0
	for _, part := range parts {
		if part.Number <= last || part.Number > MaxPartNumber {
			return fmt.Errorf("%w: part %d after part %d; parts are named in ascending order", ErrInvalid, part.Number, last)
		}
		last = part.Number
	}
	return nil
}
