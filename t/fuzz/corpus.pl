#!/usr/bin/perl

# The corpora that fuzzing begins with: t/fuzz/corpus/NAME, an input a line,
# in base64, which libFuzzer wants as a directory of files.
#
#     corpus.pl unpack NAME DIR
#     corpus.pl pack NAME DIR      what DIR has is the corpus from now on

use strict;
use warnings;

use Digest::SHA qw(sha1_hex);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use MIME::Base64 qw(decode_base64 encode_base64);

my ($what, $name, $dir) = @ARGV;
my $file = dirname(__FILE__) . "/corpus/$name";

$what eq 'unpack' ? unpacked() : packed();

sub unpacked {
    open my $in, '<', $file or die "$file: $!\n";
    make_path($dir);

    while (my $line = <$in>) {
        my $input = decode_base64($line);

        open my $out, '>:raw', "$dir/" . sha1_hex($input) or die "$dir: $!\n";
        print $out $input;
    }
}

sub packed {
    my %seen;

    for my $path (glob "$dir/*") {
        open my $in, '<:raw', $path or die "$path: $!\n";
        local $/;
        my $input = <$in>;
        $seen{ encode_base64(defined $input ? $input : '', '') } = 1;
    }

    open my $out, '>', $file or die "$file: $!\n";
    print $out map { "$_\n" } sort { length $a <=> length $b || $a cmp $b }
                              keys %seen;
}
