package azure

import "github.com/dossier-go/dossier/internal/crc"

// Polynomials in reflected form, as their checksums have it.
const (
	castagnoli = 0x82F63B78         // CRC32C: RFC 3720, appendix B.4
	nvme       = 0x9A6C9329AC4BC9B5 // CRC-64/NVME: NVM Command Set Specification 1.0d, section 5.2.1.3.4
)

// joined returns the checksums of two stretches one after the other: crc(a b) = crc(a) x^(8|b|) + crc(b), which holds for
// checksums that begin with all ones and end inverted (Mark Adler, crc32_combine of zlib 1.2.12).
func joined(a, b crc.Sums) crc.Sums {
	return crc.Sums{
		CRC64NVME: times(a.CRC64NVME, power(b.Size, nvme, 64), nvme, 64) ^ b.CRC64NVME,
		CRC32C:    uint32(times(uint64(a.CRC32C), power(b.Size, castagnoli, 32), castagnoli, 32)) ^ b.CRC32C, //nolint:gosec // 32 bits
		Size:      a.Size + b.Size,
	}
}

// times multiplies two polynomials modulo a third one of this width. The highest bit is the coefficient of 1.
func times(a, b, modulus uint64, width int) (product uint64) {
	for bit := uint64(1) << (width - 1); bit != 0 && a != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
			a ^= bit
		}
		low := b & 1
		if b >>= 1; low != 0 {
			b ^= modulus
		}
	}
	return product
}

// power returns x^(8 size) modulo a polynomial.
func power(size int64, modulus uint64, width int) uint64 {
	result, square := uint64(1)<<(width-1), uint64(1)<<(width-1-8)
	for ; size > 0; size >>= 1 {
		if size&1 != 0 {
			result = times(result, square, modulus, width)
		}
		square = times(square, square, modulus, width)
	}
	return result
}
