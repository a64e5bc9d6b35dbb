package dossier

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Grant is what a verified signature allows: one method on one key, with bindings that the server must enforce.
type Grant struct {
	Method, Key string
	NotAfter    time.Time
	// ContentType that a PUT or form must declare; "" is any.
	ContentType string
	// Length in bytes that a PUT must have exactly; -1 is any.
	Length int64
	// MinLength and MaxLength in bytes; MaxLength 0 is no limit.
	MinLength, MaxLength int64
	// Expect holds the checksums that the body must have.
	Expect Checksums
	// If is create-only or unconditional.
	If Condition
	// Metadata to store.
	Metadata map[string]string
	// Respond overrides header fields of the answer to a GET.
	Respond Header
}

func signParams(req SignRequest) url.Values {
	params := url.Values{}
	setText(params, paramType, req.ContentType)
	if req.Length != 0 {
		params.Set(paramLength, strconv.FormatInt(max(req.Length, 0), 10))
	}
	setNumber(params, paramMaxLength, req.MaxLength)
	setCondition(params, req.If)
	setMetadata(params, req.Metadata)
	for name, sum := range map[string][]byte{
		"Crc32c": req.Expect.CRC32C, "Crc64nvme": req.Expect.CRC64NVME, "Sha256": req.Expect.SHA256, "Md5": req.Expect.MD5,
	} {
		setText(params, paramChecksum+name, hex.EncodeToString(sum))
	}
	setText(params, paramDisposition, req.Respond.ContentDisposition)
	setText(params, paramRespType, req.Respond.ContentType)
	setText(params, paramEncoding, req.Respond.ContentEncoding)
	setText(params, paramLanguage, req.Respond.ContentLanguage)
	setText(params, paramCache, req.Respond.CacheControl)
	return params
}

func formParams(req FormRequest) url.Values {
	params := url.Values{}
	setText(params, paramType, req.ContentType)
	setNumber(params, paramMinLength, req.MinLength)
	setNumber(params, paramMaxLength, req.MaxLength)
	setCondition(params, req.If)
	setMetadata(params, req.Metadata)
	return params
}

func setText(params url.Values, name, value string) {
	if value != "" {
		params.Set(name, value)
	}
}

func setNumber(params url.Values, name string, value int64) {
	if value != 0 {
		params.Set(name, strconv.FormatInt(value, 10))
	}
}

func setCondition(params url.Values, c Condition) {
	if c.IfAbsent {
		params.Set(paramCreateOnly, "1")
	}
}

func setMetadata(params url.Values, metadata map[string]string) {
	for name, value := range metadata {
		params.Set(paramMetadata+name, value)
	}
}

// readGrant reads parameters whose signature was verified; an unknown one is refused all the same, so that a newer
// signer's binding is never ignored by an older server.
func readGrant(method, key string, params url.Values) (Grant, error) {
	g := Grant{Method: method, Key: key, Length: -1}
	for name := range params {
		if err := g.read(name, params.Get(name)); err != nil {
			return Grant{}, fmt.Errorf("%w: parameter %s: %w", ErrBadSignature, name, err)
		}
	}
	if g.NotAfter.IsZero() {
		return Grant{}, fmt.Errorf("%w: no expiry", ErrBadSignature)
	}
	return g, nil
}

func (g *Grant) read(name, value string) (err error) {
	switch name {
	case paramKeyID, paramSignature:
	case paramExpires:
		var seconds int64
		seconds, err = strconv.ParseInt(value, 10, 64)
		g.NotAfter = time.Unix(seconds, 0)
	case paramType:
		g.ContentType = value
	case paramLength:
		g.Length, err = strconv.ParseInt(value, 10, 64)
	case paramMinLength:
		g.MinLength, err = strconv.ParseInt(value, 10, 64)
	case paramMaxLength:
		g.MaxLength, err = strconv.ParseInt(value, 10, 64)
	case paramCreateOnly:
		g.If.IfAbsent = true
	default:
		return g.readNamed(name, value)
	}
	return err
}

func (g *Grant) readNamed(name, value string) (err error) {
	switch name {
	case paramDisposition:
		g.Respond.ContentDisposition = value
	case paramRespType:
		g.Respond.ContentType = value
	case paramEncoding:
		g.Respond.ContentEncoding = value
	case paramLanguage:
		g.Respond.ContentLanguage = value
	case paramCache:
		g.Respond.CacheControl = value
	case paramChecksum + "Crc32c":
		g.Expect.CRC32C, err = hex.DecodeString(value)
	case paramChecksum + "Crc64nvme":
		g.Expect.CRC64NVME, err = hex.DecodeString(value)
	case paramChecksum + "Sha256":
		g.Expect.SHA256, err = hex.DecodeString(value)
	case paramChecksum + "Md5":
		g.Expect.MD5, err = hex.DecodeString(value)
	default:
		return g.readMetadata(name, value)
	}
	return err
}

func (g *Grant) readMetadata(name, value string) error {
	name, ok := strings.CutPrefix(name, paramMetadata)
	if !ok {
		return fmt.Errorf("unknown")
	}
	if g.Metadata == nil {
		g.Metadata = map[string]string{}
	}
	g.Metadata[name] = value
	return nil
}
