// What every page does besides being read.
