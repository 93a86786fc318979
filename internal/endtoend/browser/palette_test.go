// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"image"
	"image/color"
	"image/draw"
)

// palette is a picture in its 256 most frequent colours, which takes a third of the bytes.
func palette(picture image.Image) image.Image {
	counts := map[color.RGBA]int{}
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	colours := make(color.Palette, 0, 256)
	for range 256 {
		var most color.RGBA
		for c, n := range counts {
			if n > counts[most] {
				most = c
			}
		}
		if counts[most] == 0 {
			break
		}
		colours = append(colours, most)
		delete(counts, most)
	}
	small := image.NewPaletted(bounds, colours)
	draw.Draw(small, bounds, picture, bounds.Min, draw.Src)
	return small
}
