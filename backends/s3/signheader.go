package s3

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/querysign"
)

// boundHeader is what the holder of a signed PUT must send: it is all under the signature.
func (b *Backend) boundHeader(req *dossier.SignRequest) []querysign.Pair {
	if req.Method != http.MethodPut {
		return nil
	}
	header := appendSet(nil, "Content-Type", req.ContentType)
	if req.Length != 0 {
		header = append(header, querysign.Pair{Name: "Content-Length", Value: strconv.FormatInt(max(req.Length, 0), 10)})
	}
	if req.If.IfAbsent {
		header = append(header, querysign.Pair{Name: "If-None-Match", Value: "*"})
	}
	for _, sum := range []struct {
		name  string
		value []byte
	}{
		{"Content-MD5", req.Expect.MD5},
		{"X-Amz-Checksum-Crc32c", req.Expect.CRC32C},
		{"X-Amz-Checksum-Crc64nvme", req.Expect.CRC64NVME},
		{"X-Amz-Checksum-Sha256", req.Expect.SHA256},
	} {
		header = appendSet(header, sum.name, base64.StdEncoding.EncodeToString(sum.value))
	}
	if (req.Part != dossier.PartRequest{}) {
		return header // the upload has the rest
	}
	for name, value := range req.Metadata {
		header = append(header, querysign.Pair{Name: "X-Amz-Meta-" + name, Value: escapeValue(value)})
	}
	return b.appendDefaults(header)
}

// appendDefaults appends what the configuration says of all objects.
func (b *Backend) appendDefaults(header []querysign.Pair) []querysign.Pair {
	header = appendSet(header, "X-Amz-Storage-Class", b.cfg.Class)
	header = appendSet(header, "X-Amz-Acl", b.cfg.ACL)
	header = appendSet(header, "X-Amz-Tagging", tagQuery(b.cfg.Tags))
	return b.appendEncryption(header)
}

// appendEncryption has the same names in headers and in forms.
func (b *Backend) appendEncryption(header []querysign.Pair) []querysign.Pair {
	header = appendSet(header, "x-amz-server-side-encryption", b.cfg.SSE.Algorithm)
	return appendSet(header, "x-amz-server-side-encryption-aws-kms-key-id", b.cfg.SSE.KMSKeyID)
}

// headerOf makes the fields that were signed those to send.
func headerOf(pairs []querysign.Pair) http.Header {
	header := make(http.Header, len(pairs))
	for _, pair := range pairs {
		header[http.CanonicalHeaderKey(pair.Name)] = []string{pair.Value}
	}
	return header
}
