package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

var (
	// ErrNoRoom means that a file was not kept because the disk or the account is (almost) full.
	ErrNoRoom = errors.New("no room left for pictures")
	// ErrNoFile means that there is no file of that name.
	ErrNoFile = errors.New("no such picture")
)

// Files is where pictures are kept. A name is an id of ours and perhaps a suffix: letters, digits,
// - and a dot; never anything a client said.
type Files interface {
	// Put keeps a file, whole or not at all. ErrNoRoom when it does not fit.
	Put(ctx context.Context, name string, body []byte, mimeType string) error
	// Open reads a file; ErrNoFile when there is none.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Room is ErrNoRoom when so many more bytes would fill what is left.
	Room(ctx context.Context, bytes int64) error
}

// spareRoom stays free on the disk whatever is uploaded: the database may live on it too.
const spareRoom = 256 << 20 // bytes

// Disk keeps files in a folder, in 256 folders by the last two characters of their id.
type Disk struct{ dir string }

// NewDisk removes what a crash has left half written. The folder is made with the first picture.
func NewDisk(dir string) (*Disk, error) {
	d := &Disk{dir: dir}
	left, err := os.ReadDir(d.partial())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("UPLOAD_DIR %q cannot be read: %w", dir, err)
	}
	for _, e := range left {
		// A young one may belong to another node that shares the folder.
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(filepath.Join(d.partial(), e.Name()))
		}
	}
	return d, nil
}

func (d *Disk) partial() string { return filepath.Join(d.dir, "partial") }

func (d *Disk) path(name string) string {
	id, _, _ := strings.Cut(name, ".")
	return filepath.Join(d.dir, id[max(0, len(id)-2):], name)
}

// Put implements Files: written beside, flushed, then moved into place.
func (d *Disk) Put(_ context.Context, name string, body []byte, _ string) (err error) {
	defer func() {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			err = errors.Join(ErrNoRoom, err)
		}
	}()
	if err := os.MkdirAll(d.partial(), 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(d.partial(), name+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = os.MkdirAll(filepath.Dir(d.path(name)), 0o750); err == nil {
			err = os.Rename(f.Name(), d.path(name))
		}
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Open implements Files.
func (d *Disk) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(d.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoFile
	}
	return f, err
}

// Delete implements Files.
func (d *Disk) Delete(_ context.Context, name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Room implements Files.
func (d *Disk) Room(_ context.Context, bytes int64) error {
	dir := d.dir
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err := freeBytes(dir)
	if err != nil {
		return fmt.Errorf("look how full %s is: %w", d.dir, err)
	}
	if free < uint64(bytes)+spareRoom {
		return fmt.Errorf("%w: %d MB are free, %d MB stay free", ErrNoRoom, free>>20, spareRoom>>20)
	}
	return nil
}
