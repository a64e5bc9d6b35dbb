package azure

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/partnumber"
	"github.com/dossier-go/dossier/internal/uploader"
)

// maxPartBlocks is how many blocks a part may have.
const maxPartBlocks = 500

// PutPart implements [dossier.MultipartBackend]. A part that is larger than Config.PartSize is stored in several blocks, at
// most 500, and all parts of an upload have at most 50,000 together. A part over the upload's MaxSize is
// dossier.ErrTooLarge at once. When a number is sent twice at the same time, by processes whose clocks differ, the later
// clock wins.
func (b *Backend) PutPart(
	ctx context.Context, up dossier.Upload, number int, src dossier.Source,
) (dossier.Part, error) {
	err := b.check(ctx, dossier.CheckKey(up.Key), b.needs(true, dossier.Multipart), checkPartNumbers(number))
	var part dossier.Part
	if err == nil {
		part, err = b.putPart(ctx, up, number, src)
	}
	if err != nil {
		return dossier.Part{}, fail("put part", up.Key, err)
	}
	return part, nil
}

func checkPartNumbers(numbers ...int) error {
	if problem := partnumber.Problem(dossier.MaxPartNumber, numbers...); problem != "" {
		return fmt.Errorf("%w: %s", dossier.ErrInvalid, problem)
	}
	return nil
}

func (b *Backend) putPart(
	ctx context.Context, up dossier.Upload, number int, src dossier.Source,
) (dossier.Part, error) {
	opts, err := b.findUpload(ctx, up)
	if err != nil {
		return dossier.Part{}, err
	}
	w := &partWrite{b: b, key: hiddenParts + up.ID, part: newPartName(number)}
	if err := b.upload(ctx, src, dossier.PutOptions{MaxSize: opts.MaxSize}, b.plan(maxPartBlocks), w); err != nil {
		if ended := dossier.ContextError(ctx); ended != nil && answerOf(err) == nil {
			err = ended
		}
		return dossier.Part{}, err
	}
	return dossier.Part{Number: number, Size: w.part.sums.Size, ETag: w.part.etag()}, nil
}

// partWrite stores one part of an upload: the uploader.Target of it.
type partWrite struct {
	b    *Backend
	key  string // of the hidden object that the blocks are staged for
	part partName
}

// PutWhole implements [uploader.Target]. The service takes no empty blocks: an empty part is a seal alone.
func (w *partWrite) PutWhole(ctx context.Context, body *uploader.Body) error {
	if body.Sums.Size == 0 {
		return w.Complete(ctx, body.Sums, 0)
	}
	w.part.kind, w.part.sums = wholeBlock, body.Sums
	return w.b.stage(ctx, w.key, w.part.name(), body)
}

// Begin implements [uploader.Target].
func (w *partWrite) Begin(context.Context) error { return nil }

// PutPart implements [uploader.Target].
func (w *partWrite) PutPart(ctx context.Context, number int, body *uploader.Body) error {
	data := w.part
	data.kind, data.index = dataBlock, uint32(number) //nolint:gosec // at most 50,000
	return w.b.stage(ctx, w.key, data.name(), body)
}

// Complete implements [uploader.Target] by the seal.
func (w *partWrite) Complete(ctx context.Context, total crc.Sums, parts int) error {
	w.part.kind, w.part.index, w.part.sums = sealBlock, uint32(parts), total //nolint:gosec // at most 50,000
	seal := []byte{0}
	return w.b.stage(ctx, w.key, w.part.name(), &uploader.Body{ReadSeeker: bytes.NewReader(seal), Sums: crc.Of(seal)})
}

// Abort implements [uploader.Target]: blocks without a seal are no part.
func (w *partWrite) Abort(context.Context) error { return nil }

// partList is what is stored of an upload.
type partList struct {
	parts  map[int]partName // the latest whole ones
	blocks map[string]int64 // sizes of all blocks
	last   int64            // when the last block was written, in nanoseconds since 1970
}

// listParts reads the names of the staged blocks.
func (b *Backend) listParts(ctx context.Context, id string) (partList, error) {
	list := partList{parts: map[int]partName{}, blocks: map[string]int64{}}
	answer, err := request(ctx, b, func(ctx context.Context) (blockblob.GetBlockListResponse, error) {
		return b.client.NewBlockBlobClient(hiddenParts+id).GetBlockList(ctx, blockblob.BlockListTypeAll, nil)
	})
	if err := gone(err); err != nil {
		return list, err
	}
	for _, block := range slices.Concat(answer.UncommittedBlocks, answer.CommittedBlocks) {
		part, ok := parsePartName(value(block.Name))
		if !ok {
			continue
		}
		list.blocks[part.name()] = value(block.Size)
		list.last = max(list.last, part.at)
		if part.kind == dataBlock {
			continue
		}
		if present, there := list.parts[part.number]; !there || part.later(present) {
			list.parts[part.number] = part
		}
	}
	return list, nil
}

// size of a part in bytes.
func (l partList) size(part partName) int64 {
	if part.kind == signedBlock {
		return l.blocks[part.name()]
	}
	return part.sums.Size
}

// Parts implements [dossier.MultipartBackend].
func (b *Backend) Parts(ctx context.Context, up dossier.Upload) iter.Seq2[dossier.Part, error] {
	return func(yield func(dossier.Part, error) bool) {
		err := b.check(ctx, dossier.CheckKey(up.Key), b.needs(true, dossier.Multipart))
		var list partList
		if err == nil {
			_, err = b.findUpload(ctx, up)
		}
		if err == nil {
			list, err = b.listParts(ctx, up.ID)
		}
		if err != nil {
			yield(dossier.Part{}, fail("list parts", up.Key, err))
			return
		}
		sorted := slices.SortedFunc(maps.Values(list.parts), func(a, b partName) int { return cmp.Compare(a.number, b.number) })
		for _, part := range sorted {
			if !yield(dossier.Part{Number: part.number, Size: list.size(part), ETag: part.etag()}, nil) {
				return
			}
		}
	}
}
