package local

import "io"

// pour writes everything that in delivers, in pieces of one buffer: the larger the pieces, the cheaper. Only io.EOF
// itself is the end.
func (t *temp) pour(in io.Reader) error {
	buffer := t.b.buffers.Get().(*[]byte)
	defer t.b.buffers.Put(buffer)
	for {
		n, end := readFull(in, *buffer)
		if n > 0 {
			if _, err := t.file.Write((*buffer)[:n]); err != nil {
				return err
			}
		}
		if end == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure
			return nil
		}
		if end != nil {
			return &sourceError{end}
		}
	}
}

// readFull reads until the buffer is full or reading ends.
func readFull(in io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = in.Read(buffer[n:])
		n += more
	}
	return n, err
}
