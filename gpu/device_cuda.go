//go:build cuda && cgo && linux && amd64

package gpu

import (
	"context"
	"fmt"

	"github.com/steersight/steersight/gpu/internal/cuda"
	"github.com/steersight/steersight/model"
)

// cudaDevice is a device by CUDA.
type cudaDevice struct {
	*cuda.Device
	number int
}

func openCUDA(number int, sae *model.SAE, internalizers []*model.Internalizer) (device, error) {
	d, err := cuda.Open(number, sae, internalizers)
	if err != nil {
		return nil, fmt.Errorf("cuda: %w", err)
	}
	return cudaDevice{d, number}, nil
}

func (d cudaDevice) name() string { return fmt.Sprintf("cuda:%d (%s)", d.number, d.Name) }

func (d cudaDevice) close() { d.Close() }

func (d cudaDevice) encode(ctx context.Context, x [][]float32, keep int, limit float32) ([]Code, []int, error) {
	codes := make([]Code, len(x))
	left, err := d.Encode(ctx, x, keep, limit, func(row int, features []uint32, values []float32) {
		codes[row] = Code{features, values}
	})
	return codes, left, err
}

func (d cudaDevice) views(ctx context.Context, z [][]float32, views [][][]float32) ([]int, error) {
	return d.Views(ctx, z, views)
}

func (d cudaDevice) decode(ctx context.Context, codes []Code, rows [][]float32) ([]int, error) {
	return d.Decode(ctx, len(codes), func(i int) ([]uint32, []float32) { return codes[i].Features, codes[i].Activations }, rows)
}
