package s3

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/dossier-go/dossier"
)

// checkSign refuses what has no meaning, and what the store does not enforce.
func (b *Backend) checkSign(req *dossier.SignRequest) error {
	checked := *req
	checked.Method = methodOf(req)
	if err := dossier.CheckSignRequest(checked); err != nil {
		return err
	}
	if err := checkLife(req.TTL); err != nil {
		return err
	}
	switch checked.Method {
	case http.MethodPut:
		return b.checkSignedPut(req)
	case http.MethodDelete:
		return b.needs(true, dossier.SignDelete, "signed DELETE URLs")
	}
	return b.needs(true, dossier.SignGet, "signed GET and HEAD URLs")
}

// checkSignedPut checks what only a PUT can be bound to.
func (b *Backend) checkSignedPut(req *dossier.SignRequest) error {
	part := req.Part != dossier.PartRequest{}
	for _, asked := range []struct {
		is   bool
		of   dossier.Capabilities
		what string
	}{
		{!part, dossier.SignPut, "signed PUT URLs"},
		{part, dossier.SignPart, "signed URLs of parts"},
		{req.ContentType != "", dossier.BindType, "binding a content type"},
		{req.Length != 0, dossier.BindLength, "binding a length"},
		{req.MaxLength != 0, dossier.BindMaxLength, "binding a largest length; bind the length, or sign a form"},
		{req.If.IfAbsent, dossier.BindIfAbsent, "binding to create-only"},
		{checksums(req.Expect) > 0 || req.Expect.MD5 != nil, dossier.BindChecksum, "binding a checksum"},
		{len(req.Metadata) > 0, dossier.StoresMetadata, "metadata"},
	} {
		if err := b.needs(asked.is, asked.of, asked.what); err != nil {
			return err
		}
	}
	if part {
		return b.checkPartSums(req)
	}
	return errors.Join(b.checkExpect(req.Expect), checkBoundMetadata(req.Metadata))
}

// checkBoundMetadata spares the common case the work.
func checkBoundMetadata(metadata map[string]string) error {
	if len(metadata) == 0 {
		return nil
	}
	return checkStored(metadata, "")
}

// checkExpect refuses checksums that the server would not check.
func (b *Backend) checkExpect(sums dossier.Checksums) error {
	switch {
	case checksums(sums) > 1:
		return fmt.Errorf("%w: binding more than one checksum besides an MD5", errors.ErrUnsupported)
	case checksums(sums) > 0 && b.cfg.Checksum == NoChecksum, sums.CRC64NVME != nil && b.cfg.Checksum == CRC32C:
		return fmt.Errorf("%w: binding a checksum that the server does not know (Config.Checksum is %s)",
			errors.ErrUnsupported, b.cfg.Checksum)
	}
	return nil
}

// checkPartSums refuses other checksums than the one that the upload was created with, which the server refuses.
func (b *Backend) checkPartSums(req *dossier.SignRequest) error {
	_, upload, err := b.parseUploadID(req.Part.UploadID)
	if err != nil {
		return err
	}
	sums := req.Expect
	other := sums.SHA256 != nil || sums.CRC32C != nil && upload.Checksum != CRC32C ||
		sums.CRC64NVME != nil && upload.Checksum != CRC64NVME
	if other {
		return fmt.Errorf("%w: binding a checksum of a part that is not of the kind of its upload (%s)",
			errors.ErrUnsupported, upload.Checksum)
	}
	return nil
}

// checksums counts those that have a header field of the kind of which a request may have one.
func checksums(sums dossier.Checksums) int {
	count := 0
	for _, sum := range [][]byte{sums.CRC32C, sums.CRC64NVME, sums.SHA256} {
		if sum != nil {
			count++
		}
	}
	return count
}
