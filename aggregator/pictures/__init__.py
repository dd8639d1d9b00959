"""Pictures: those of entries, which are chosen and made small, and the logo of the site.

picture_markup   the pictures in a sanitised text                           pure
picture_choice   which pictures an entry has, and which of them may lead    pure
picture_sizes    how large pictures are made for posts and for lists        pure
picture_header   format and size of a picture, by its first bytes           pure
logo_icons       the icons of the site, from a raster logo                  Pillow
svg              SVG documents with nothing but a still picture             pure
picture_files    two files for each picture, named by their content
raster           bytes from the network -> WebP; the task of a worker       Pillow

`raster` is imported where pictures are on, and nowhere else: Pillow takes memory.
"""
