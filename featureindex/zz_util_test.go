package featureindex

import "github.com/RoaringBitmap/roaring/v2"

func randomEvery(n, m int) *roaring.Bitmap {
	b := roaring.New()
	x := uint64(88172645463325252)
	for i := range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		if x%uint64(m) == 0 {
			b.Add(uint32(i))
		}
	}
	return b
}
